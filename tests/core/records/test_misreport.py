from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from oomwarden.core.incidents.incident import investigate
from oomwarden.core.records.misreport import (
    AT_MOST,
    KEEP_SECONDS,
    STANDS_SECONDS,
    Cases,
    RecordedKill,
    Termination,
    endings,
    misreport,
    recorded_kill,
)

from tests.support.one_kill import FACTS, NOW, RANGE, SNAPSHOT, WITNESS

ID = "a" * 64
GROUP = RecordedKill(ID, investigate(RANGE, SNAPSHOT), WITNESS)
ONE = replace(RANGE, end=3, group_kills=0)
SINGLE = replace(GROUP, incident=investigate(ONE, SNAPSHOT))
ERROR = Termination("uid", ID, "Error", 137, NOW)
RIGHT = replace(ERROR, reason="OOMKilled")
COMPLETED = replace(ERROR, reason="Completed", exit_code=0)
UNSEEN = replace(SINGLE, witness=replace(WITNESS, after=None))
CAUGHT_UP = replace(SINGLE, witness=replace(WITNESS, after=NOW - 60))


def said(cases: Cases, now: float) -> list[str]:
    return [ending.reason for _, ending in cases.due(now)]


def heard(*events: tuple[float, RecordedKill | Termination | None]) -> Cases:
    """Give the cases after a kill was told and a pod changed (None: its containers are new)."""
    cases = Cases()
    for now, event in events:
        if isinstance(event, RecordedKill):
            cases.told(event, now)
        else:
            cases.ended("uid", [event] if event else [], now)
    return cases


def test_a_wrong_word_is_told_after_it_has_stood_for_a_while_and_once() -> None:
    cases = heard((0, GROUP), (1, ERROR))
    assert cases.next_due() == 1 + STANDS_SECONDS
    assert said(cases, STANDS_SECONDS) == []
    assert said(cases, 1 + STANDS_SECONDS) == ["Error"]
    cases.ended("uid", [COMPLETED], 30)
    assert said(cases, 30 + STANDS_SECONDS) == []
    assert cases.next_due() is None


def test_a_crash_loop_is_told_once_an_hour_other_containers_at_once() -> None:
    cases, told = Cases(), list[float]()
    for restart in range(40):
        now, again = restart * 300.0, f"{restart:064}"
        cases.told(replace(GROUP, container_id=again), now)
        cases.ended("uid", [replace(ERROR, container_id=again)], now)
        told += [now for _ in cases.due(now + STANDS_SECONDS)]
    assert told == [0, 3600, 7200, 10_800]
    other = replace(GROUP.incident, container=FACTS.containers[1])
    cases.told(replace(GROUP, container_id="b" * 64, incident=other), 11_999)
    cases.ended("uid", [replace(ERROR, container_id="b" * 64)], 11_999)
    assert said(cases, 11_999 + STANDS_SECONDS) == ["Error"]


def test_the_kubelets_word_may_come_before_the_record() -> None:
    assert said(heard((0, ERROR), (15, GROUP)), STANDS_SECONDS) == ["Error"]


def test_a_word_that_the_kubelet_takes_back_in_time_is_not_told() -> None:
    cases = heard((0, GROUP), (1, ERROR), (19, RIGHT))
    assert said(cases, 100) == []


def test_a_right_word_that_becomes_wrong_has_to_stand_as_long() -> None:
    cases = heard((0, GROUP), (1, RIGHT), (40, ERROR))
    assert said(cases, 39 + STANDS_SECONDS) == []
    assert said(cases, 40 + STANDS_SECONDS) == ["Error"]


def test_a_right_word_of_nobody_is_not_held() -> None:
    assert heard((0, RIGHT))._cases == {}


def test_a_word_that_is_no_longer_there_is_not_told() -> None:
    assert said(heard((0, GROUP), (1, ERROR), (10, None)), 100) == []


def test_another_pods_change_takes_no_word_back() -> None:
    cases = heard((0, GROUP), (1, ERROR))
    cases.ended("other", [], 10)
    assert said(cases, 1 + STANDS_SECONDS) == ["Error"]


def test_an_update_that_repeats_the_word_does_not_begin_the_wait_anew() -> None:
    cases = heard((0, GROUP), (1, ERROR), (15, replace(ERROR, finished=NOW + 1)))
    assert said(cases, 1 + STANDS_SECONDS) == ["Error"]


def test_two_containers_are_told_apart() -> None:
    other = replace(ERROR, container_id="b" * 64)
    assert said(heard((0, GROUP), (1, other)), 100) == []


@pytest.mark.parametrize(
    ("kill", "ending", "wrong"),
    [
        pytest.param(GROUP, ERROR, True, id="group kill, Error"),
        pytest.param(GROUP, RIGHT, False, id="group kill, OOMKilled"),
        pytest.param(GROUP, COMPLETED, True, id="group kill, Completed"),
        pytest.param(GROUP, replace(ERROR, finished=NOW - 3600), True, id="found much later"),
        pytest.param(GROUP, replace(ERROR, finished=NOW + 3600), False, id="survived it"),
        pytest.param(GROUP, replace(ERROR, finished=None), False, id="nobody knows when"),
        pytest.param(SINGLE, ERROR, True, id="one process, SIGKILL just then"),
        pytest.param(SINGLE, RIGHT, False, id="one process, OOMKilled"),
        pytest.param(SINGLE, replace(ERROR, exit_code=1), False, id="one process, own exit code"),
        pytest.param(SINGLE, COMPLETED, False, id="one process, Completed"),
        pytest.param(SINGLE, replace(ERROR, finished=NOW + 6), False, id="one process, later"),
        pytest.param(SINGLE, replace(ERROR, finished=NOW - 5), False, id="one process, before"),
        pytest.param(UNSEEN, ERROR, False, id="one process, nobody knows since when"),
        pytest.param(CAUGHT_UP, ERROR, False, id="one process, found on catching up"),
    ],
)
def test_the_kubelet_is_only_called_wrong_where_it_is(
    kill: RecordedKill, ending: Termination, *, wrong: bool
) -> None:
    assert kill.contradicts(ending) is wrong


def test_a_single_kill_does_not_undo_a_group_kill_of_the_container() -> None:
    exit_one = replace(ERROR, exit_code=1)
    assert said(heard((0, GROUP), (1, SINGLE), (2, exit_one)), 100) == ["Error"]


def test_kills_and_words_are_forgotten_after_a_while() -> None:
    cases = heard((0, GROUP), (1, replace(ERROR, container_id="b" * 64)))
    assert said(cases, KEEP_SECONDS + 2) == []
    assert cases._cases == {}


def test_a_storm_is_held_within_bounds() -> None:
    cases = Cases()
    for number in range(2 * AT_MOST):
        cases.told(replace(GROUP, container_id=f"{number:064}"), number)
    assert len(cases._cases) == AT_MOST


def test_a_kill_without_a_container_id_or_long_past_cannot_be_compared() -> None:
    lost = investigate(replace(RANGE, container=None), SNAPSHOT)
    assert recorded_kill(lost, WITNESS, NOW) is None
    assert recorded_kill(GROUP.incident, WITNESS, NOW + 3601) is None
    assert recorded_kill(GROUP.incident, WITNESS, NOW) == GROUP


def container_status(state: str, reason: str, digit: str) -> dict[str, Any]:
    finished = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {
        "containerID": f"containerd://{digit * 64}",
        "reason": reason,
        "exitCode": 137,
        "finishedAt": finished,
    }
    return {"name": digit, state: {"terminated": ended}}


def test_all_containers_that_ended_are_read_the_present_ones_and_those_before() -> None:
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
    assert list(endings(pod)) == [ERROR, replace(RIGHT, container_id="b" * 64)]
    assert list(endings({"metadata": {"uid": "uid"}})) == []


def test_the_event_says_what_the_kubelet_says_and_what_the_kernel_says() -> None:
    told = misreport(GROUP, ERROR, NOW)
    assert told["note"] == (
        "container app: the kubelet says Error (exit code 137), the kernel says out of memory: "
        "ho\\ng (pid 4242) killed at its limit 32Mi"
    )
    assert (told["type"], told["reason"]) == ("Warning", "OOMKilledMisreported")
    assert told["regarding"]["fieldPath"] == "spec.containers{app}"
    assert told["reportingInstance"] == "node-1"


def test_the_event_of_a_container_has_one_name_whoever_posts_it_and_when() -> None:
    first, again = misreport(GROUP, ERROR, NOW), misreport(SINGLE, ERROR, NOW + 60)
    assert first["metadata"] == again["metadata"]
    other = misreport(replace(GROUP, container_id="b" * 64), ERROR, NOW)
    assert other["metadata"]["name"] != first["metadata"]["name"]
    pod = replace(GROUP.incident.pod, name="a" * 253)
    long = replace(GROUP, incident=replace(GROUP.incident, pod=pod))
    assert len(misreport(long, ERROR, NOW)["metadata"]["name"]) <= 253
