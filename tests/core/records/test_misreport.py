from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from oomwarden.core.incidents.incident import investigate
from oomwarden.core.records.misreport import (
    KEEP_SECONDS,
    MAX_CONTAINERS,
    MAX_RIGHT,
    STABLE_SECONDS,
    ContainerKill,
    Termination,
    TerminationMatcher,
    container_kill,
    misreport,
    terminations,
)

from tests.support.one_kill import CONTEXT, FACTS, NOW, RANGE, SNAPSHOT

ID = "a" * 64
GROUP = ContainerKill(ID, investigate(RANGE, SNAPSHOT, CONTEXT))
ONE = replace(RANGE, end=3, group_kills=0)
SINGLE = replace(GROUP, incident=investigate(ONE, SNAPSHOT, CONTEXT))
ERROR = Termination("uid", ID, "Error", 137, NOW)
RIGHT = replace(ERROR, reason="OOMKilled")
COMPLETED = replace(ERROR, reason="Completed", exit_code=0)
UNSEEN = replace(SINGLE, incident=investigate(ONE, SNAPSHOT, replace(CONTEXT, after=None)))
CAUGHT_UP = replace(SINGLE, incident=investigate(ONE, SNAPSHOT, replace(CONTEXT, after=NOW - 60)))


def reported(matcher: TerminationMatcher, now: float) -> list[str]:
    return [termination.reason for _, termination in matcher.pop_due(now)]


def matcher_after(*events: tuple[float, ContainerKill | Termination | None]) -> TerminationMatcher:
    """Return the matcher after kills were recorded and the pod changed (None: no terminations)."""
    matcher = TerminationMatcher()
    for now, event in events:
        if isinstance(event, ContainerKill):
            matcher.add_kill(event, now)
        else:
            matcher.update_terminations("uid", [event] if event else [], now)
    return matcher


def test_a_wrong_status_is_reported_once_after_it_was_stable_for_a_while() -> None:
    matcher = matcher_after((0, GROUP), (1, ERROR))
    assert matcher.next_due() == 1 + STABLE_SECONDS
    assert reported(matcher, STABLE_SECONDS) == []
    assert reported(matcher, 1 + STABLE_SECONDS) == ["Error"]
    matcher.update_terminations("uid", [COMPLETED], 30)
    assert reported(matcher, 30 + STABLE_SECONDS) == []
    assert matcher.next_due() is None


def test_a_crash_loop_is_reported_once_an_hour_other_containers_immediately() -> None:
    matcher, times = TerminationMatcher(), list[float]()
    for restart in range(40):
        now, again = restart * 300.0, f"{restart:064}"
        matcher.add_kill(replace(GROUP, container_id=again), now)
        matcher.update_terminations("uid", [replace(ERROR, container_id=again)], now)
        times += [now for _ in matcher.pop_due(now + STABLE_SECONDS)]
    assert times == [0, 3600, 7200, 10_800]
    other = replace(GROUP.incident, container=FACTS.containers[1])
    matcher.add_kill(replace(GROUP, container_id="b" * 64, incident=other), 11_999)
    matcher.update_terminations("uid", [replace(ERROR, container_id="b" * 64)], 11_999)
    assert reported(matcher, 11_999 + STABLE_SECONDS) == ["Error"]


def test_the_status_may_come_before_the_record() -> None:
    assert reported(matcher_after((0, ERROR), (15, GROUP)), STABLE_SECONDS) == ["Error"]


def test_a_status_that_the_kubelet_corrects_in_time_is_not_reported() -> None:
    matcher = matcher_after((0, GROUP), (1, ERROR), (19, RIGHT))
    assert reported(matcher, 100) == []


def test_a_status_that_becomes_wrong_has_to_be_stable_as_long() -> None:
    matcher = matcher_after((0, GROUP), (1, RIGHT), (40, ERROR))
    assert reported(matcher, 39 + STABLE_SECONDS) == []
    assert reported(matcher, 40 + STABLE_SECONDS) == ["Error"]


def test_a_right_status_of_an_unknown_container_is_not_kept() -> None:
    assert matcher_after((0, RIGHT))._cases == {}


def test_a_status_that_is_gone_is_not_reported() -> None:
    assert reported(matcher_after((0, GROUP), (1, ERROR), (10, None)), 100) == []


def test_a_change_of_another_pod_does_not_remove_a_status() -> None:
    matcher = matcher_after((0, GROUP), (1, ERROR))
    matcher.update_terminations("other", [], 10)
    assert reported(matcher, 1 + STABLE_SECONDS) == ["Error"]


def test_an_update_with_the_same_status_does_not_restart_the_wait() -> None:
    matcher = matcher_after((0, GROUP), (1, ERROR), (15, replace(ERROR, finished=NOW + 1)))
    assert reported(matcher, 1 + STABLE_SECONDS) == ["Error"]


def test_a_kill_does_not_match_the_status_of_another_container() -> None:
    other = replace(ERROR, container_id="b" * 64)
    assert reported(matcher_after((0, GROUP), (1, other)), 100) == []


@pytest.mark.parametrize(
    ("kill", "termination", "wrong"),
    [
        pytest.param(GROUP, ERROR, True, id="group kill, Error"),
        pytest.param(GROUP, RIGHT, False, id="group kill, OOMKilled"),
        pytest.param(GROUP, COMPLETED, True, id="group kill, Completed"),
        pytest.param(GROUP, replace(ERROR, finished=NOW - 3600), True, id="found much later"),
        pytest.param(GROUP, replace(ERROR, finished=NOW + 3600), False, id="survived it"),
        pytest.param(GROUP, replace(ERROR, finished=None), False, id="unknown when"),
        pytest.param(SINGLE, ERROR, True, id="one process, SIGKILL just then"),
        pytest.param(SINGLE, RIGHT, False, id="one process, OOMKilled"),
        pytest.param(SINGLE, replace(ERROR, exit_code=1), False, id="one process, own exit code"),
        pytest.param(SINGLE, COMPLETED, False, id="one process, Completed"),
        pytest.param(SINGLE, replace(ERROR, finished=NOW + 6), False, id="one process, later"),
        pytest.param(SINGLE, replace(ERROR, finished=NOW - 5), False, id="one process, before"),
        pytest.param(UNSEEN, ERROR, False, id="one process, unknown since when"),
        pytest.param(CAUGHT_UP, ERROR, False, id="one process, found on catching up"),
    ],
)
def test_only_a_wrong_status_contradicts_a_kill(
    kill: ContainerKill, termination: Termination, *, wrong: bool
) -> None:
    assert kill.contradicts(termination) is wrong


def test_a_single_kill_does_not_replace_a_group_kill_of_the_container() -> None:
    exit_one = replace(ERROR, exit_code=1)
    assert reported(matcher_after((0, GROUP), (1, SINGLE), (2, exit_one)), 100) == ["Error"]


def test_kills_and_statuses_expire_after_a_while() -> None:
    matcher = matcher_after((0, GROUP), (1, replace(ERROR, container_id="b" * 64)))
    assert reported(matcher, KEEP_SECONDS + 2) == []
    assert matcher._cases == {}


def test_the_number_of_containers_is_bounded() -> None:
    matcher = TerminationMatcher()
    for number in range(2 * MAX_CONTAINERS):
        matcher.add_kill(replace(GROUP, container_id=f"{number:064}"), number)
    assert len(matcher._cases) == MAX_CONTAINERS


def test_containers_with_a_right_status_make_room_for_others() -> None:
    matcher = matcher_after((0, GROUP))
    for number in range(MAX_CONTAINERS):
        other = f"{number:064}"
        matcher.add_kill(replace(GROUP, container_id=other), 1)
        matcher.update_terminations(other, [replace(RIGHT, pod_uid=other, container_id=other)], 1)
    assert len(matcher._cases) <= MAX_RIGHT + 1
    matcher.update_terminations("uid", [ERROR], 2)
    assert reported(matcher, 2 + STABLE_SECONDS) == ["Error"]


def test_a_kill_without_a_container_id_or_an_old_one_cannot_be_matched() -> None:
    lost = investigate(replace(RANGE, container=None), SNAPSHOT, CONTEXT)
    assert container_kill(lost, NOW) is None
    assert container_kill(GROUP.incident, NOW + 3601) is None
    assert container_kill(GROUP.incident, NOW) == GROUP


def container_status(state: str, reason: str, digit: str) -> dict[str, Any]:
    finished = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {
        "containerID": f"containerd://{digit * 64}",
        "reason": reason,
        "exitCode": 137,
        "finishedAt": finished,
    }
    return {"name": digit, state: {"terminated": ended}}


def test_all_terminations_are_read_the_current_ones_and_the_ones_before() -> None:
    status = {
        "containerStatuses": [
            container_status("state", "Error", "a"),
            {"name": "running", "state": {"running": {}}, "lastState": {}},
        ],
        "initContainerStatuses": [container_status("lastState", "OOMKilled", "b")],
        "ephemeralContainerStatuses": [
            {"name": "never", "state": {"terminated": {"reason": "ContainerStatusUnknown"}}}
        ],
    }
    pod = {"metadata": {"uid": "uid"}, "status": status}
    assert list(terminations(pod)) == [ERROR, replace(RIGHT, container_id="b" * 64)]
    assert list(terminations({"metadata": {"uid": "uid"}})) == []


def test_the_event_names_the_kubelets_status_and_the_kill() -> None:
    event = misreport(GROUP, ERROR, NOW)
    assert event["note"] == (
        "container app: the kubelet reports Error (exit code 137), but it was an OOM kill: "
        "ho\\ng (pid 4242) killed at its limit 32Mi"
    )
    assert (event["type"], event["reason"]) == ("Warning", "OOMKilledMisreported")
    assert event["regarding"]["fieldPath"] == "spec.containers{app}"
    assert event["reportingInstance"] == "node-1"


def test_the_event_of_a_container_always_has_the_same_name() -> None:
    first, again = misreport(GROUP, ERROR, NOW), misreport(SINGLE, ERROR, NOW + 60)
    assert first["metadata"] == again["metadata"]
    other = misreport(replace(GROUP, container_id="b" * 64), ERROR, NOW)
    assert other["metadata"]["name"] != first["metadata"]["name"]
    pod = replace(GROUP.incident.pod, name="a" * 253)
    long = replace(GROUP, incident=replace(GROUP.incident, pod=pod))
    assert len(misreport(long, ERROR, NOW)["metadata"]["name"]) <= 253
