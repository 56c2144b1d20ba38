"""A response to an OOM kill: patch, then status.response, then the Event, once each."""

from datetime import timedelta
from typing import Any

import pytest
from oomwarden.api.oomlimit import Step
from oomwarden.core.metrics.exposition import Sample
from oomwarden.core.metrics.operator_counts import OperatorCounts
from oomwarden.core.model.limit_ownership import LimitOwner, LimitOwnership
from oomwarden.kube.http.failures import ConnectError
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.answering import NOW, RAISE, Kills, kill, run_responder
from tests.support.cluster_of_one import MI, OnePod, granting, refused
from tests.support.metric_values import durations, responses


async def test_a_kill_at_the_limit_raises_it_and_is_recorded_with_an_event_on_the_pod() -> None:
    kills, pod = Kills(kill()), OnePod((granting(RAISE),))
    await run_responder(kills, pod)
    ((patch, manager),) = pod.patches
    assert patch["spec"]["containers"][0]["resources"]["limits"] == {"memory": "640Mi"}
    assert manager == "oomwarden-raise/app"
    assert pod.steps == ["pending", "patch", "done"]
    ((name, response),) = kills.written
    assert name == "shop/db-0-1a2b"
    assert (response["action"], response["limitBefore"], response["limit"]) == (
        "RaisedLimit", "512Mi", "640Mi",
    )  # fmt: skip
    command = "kubectl -n shop set resources deployment/db -c app --limits=memory=640Mi"
    assert command in response["message"]
    (event,) = kills.posted
    assert (event["reason"], event["type"]) == ("MemoryLimitRaised", "Normal")
    assert event["regarding"]["name"] == "db-0"
    assert event["metadata"]["name"] == "db-0-1a2b-response"


@pytest.mark.parametrize(
    "late",
    [kill(age=3600), kill(age=121), kill(status={"response": {"action": "None"}})],
    ids=["an hour old", "two minutes old", "answered"],
)
async def test_a_restarted_operator_does_nothing_late_and_nothing_twice(
    late: dict[str, Any],
) -> None:
    kills, pod = Kills(late), OnePod((granting(RAISE),))
    await run_responder(kills, pod)
    assert (kills.written, kills.posted, pod.patches, pod.looks) == ([], [], [], 0)


async def test_without_onoom_there_is_no_response() -> None:
    kills, pod = Kills(kill()), OnePod((granting({"oomScoreAdj": 1}),))
    await run_responder(kills, pod)
    assert (kills.written, kills.posted, pod.patches) == ([], [], [])


async def test_a_refusal_by_the_api_server_is_the_response() -> None:
    kills = Kills(kill())
    pod = OnePod((granting(RAISE),), failures=[refused(403, "exceeded quota: q")])
    await run_responder(kills, pod)
    ((_, response),) = kills.written
    assert (response["action"], response["reason"]) == ("None", "QuotaExceeded")
    assert kills.posted[0]["reason"] == "MemoryLimitNotRaised"
    assert pod.patches == []


async def test_an_unavailable_api_server_is_retried_while_the_kill_is_recent() -> None:
    kills = Kills(kill())
    kills.failures = [ConnectError("away")]
    pod = OnePod((granting(RAISE),), failures=[ConnectError("away")])
    await run_responder(kills, pod)
    assert len(kills.written) == 1


async def test_an_operator_that_died_before_it_recorded_a_raise_does_not_repeat_it(
) -> None:  # fmt: skip
    owner = LimitOwner(Step.RAISE, 400 * MI, NOW.isoformat())
    kills = Kills(kill(limit="400Mi"))
    pod = OnePod((granting(RAISE),), writers=LimitOwnership(owner))
    await run_responder(kills, pod)
    ((_, response),) = kills.written
    assert (response["action"], response["limitBefore"], response["limit"]) == (
        "RaisedLimit", "400Mi", "512Mi",
    )  # fmt: skip
    assert pod.patches == []


async def test_the_cooldown_is_recorded_without_an_event_for_every_kill() -> None:
    owner = LimitOwner(Step.RAISE, 400 * MI, (NOW - timedelta(seconds=60)).isoformat())
    kills, pod = Kills(kill()), OnePod((granting(RAISE),), writers=LimitOwnership(owner))
    await run_responder(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["Cooldown"]
    assert kills.posted == []


async def test_no_limit_is_raised_on_a_node_that_is_short_of_memory() -> None:
    kills, pod = Kills(kill()), OnePod((granting(RAISE),))
    kills.available = "127Mi"
    await run_responder(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["NodeShort"]
    assert pod.patches == []


async def test_an_invalid_record_does_not_stop_the_others() -> None:
    kills = Kills(kill(cause="Whatever"), {"metadata": {}}, kill(time=None), kill(name="good"))
    pod = OnePod((granting(RAISE),))
    await run_responder(kills, pod)
    assert [name for name, _ in kills.written] == ["shop/good"]


async def test_memory_is_not_given_twice_between_two_reports_of_the_agent() -> None:
    kills, pod = Kills(kill(name="one"), kill(name="two")), OnePod((granting(RAISE),))
    kills.available = "200Mi"
    await run_responder(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["RaisedLimit", "NodeShort"]


async def test_a_failed_event_is_posted_again() -> None:
    kills, pod = Kills(kill()), OnePod((granting(RAISE),))
    kills.posts = [WriteResult(WriteOutcome.RETRY, "away")]
    await run_responder(kills, pod)
    assert (len(kills.written), len(kills.posted)) == (1, 2)


async def test_a_raise_waits_for_a_memory_report_that_is_newer_than_the_kill() -> None:
    kills, pod = Kills(kill(age=10)), OnePod((granting(RAISE),))
    kills.heartbeats = [NOW - timedelta(seconds=200), NOW]
    kills.written_at = None
    await run_responder(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["RaisedLimit"]
    assert pod.looks == 2


async def test_a_missing_memory_report_is_the_reason_when_the_time_is_over() -> None:
    kills, pod = Kills(kill(age=60)), OnePod((granting(RAISE),))
    kills.heartbeats = [NOW - timedelta(seconds=200)]
    kills.written_at = None
    await run_responder(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["NodeStale"]
    assert [each["reason"] for each in kills.posted] == ["MemoryLimitNotRaised"]
    assert pod.patches == []


async def test_a_wrong_clock_on_the_node_prevents_no_response() -> None:
    for off in (-300, 300, 7200):
        kills, pod = Kills(kill(age=5 - off, created=4)), OnePod((granting(RAISE),))
        kills.heartbeats = [NOW + timedelta(seconds=off)]
        await run_responder(kills, pod)
        assert [response["reason"] for _, response in kills.written] == ["RaisedLimit"], off


async def test_a_record_that_was_delivered_late_gets_a_response_without_action() -> None:
    kills, pod = Kills(kill(age=400, created=4)), OnePod((granting(RAISE),))
    await run_responder(kills, pod)
    ((_, response),) = kills.written
    assert response["reason"] == "TooLate"
    assert "clock of node node-1" in response["message"]
    assert pod.patches == []
    old = Kills(kill(age=5, created=200))
    await run_responder(old, pod)
    assert old.written == []


class Clock:
    """A steady clock of which each reading is some minutes later."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 100.0
        return self.now


async def test_a_response_is_counted_once_it_is_written_and_each_attempt_is_timed() -> None:
    kills = Kills(kill())
    kills.failures = [ConnectError("away")]
    counts = OperatorCounts(Clock())
    await run_responder(kills, OnePod((granting(RAISE),)), counts)
    assert responses(counts) == [Sample(("shop", "RaisedLimit"), 1)]
    assert durations(counts) == {"policies": 0, "resizes": 0, "responses": 2}
