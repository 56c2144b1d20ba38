"""Answering kills: patch, then the record's status, then the Event; each once."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from oomwarden.api.oomlimit import Step
from oomwarden.core.model.limit_ownership import LimitOwner, LimitWriters
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.answering import NOW, RAISE, Kills, answered, kill
from tests.support.cluster_of_one import MI, OnePod, granting, refused


async def test_a_kill_at_the_limit_raises_it_and_is_recorded_and_told_on_the_pod() -> None:
    kills, pod = Kills(kill()), OnePod((granting(RAISE),))
    await answered(kills, pod)
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
    "told",
    [kill(age=3600), kill(age=121), kill(status={"response": {"action": "None"}})],
    ids=["an hour old", "two minutes old", "answered"],
)
async def test_an_operator_that_was_away_does_nothing_late_and_nothing_twice(
    told: dict[str, Any],
) -> None:
    kills, pod = Kills(told), OnePod((granting(RAISE),))
    await answered(kills, pod)
    assert (kills.written, kills.posted, pod.patches, pod.looks) == ([], [], [], 0)


async def test_without_onoom_nothing_is_said() -> None:
    kills, pod = Kills(kill()), OnePod((granting({"oomScoreAdj": 1}),))
    await answered(kills, pod)
    assert (kills.written, kills.posted, pod.patches) == ([], [], [])


async def test_a_refusal_of_the_api_server_is_the_response() -> None:
    kills = Kills(kill())
    pod = OnePod((granting(RAISE),), failures=[refused(403, "exceeded quota: q")])
    await answered(kills, pod)
    ((_, response),) = kills.written
    assert (response["action"], response["reason"]) == ("None", "QuotaExceeded")
    assert kills.posted[0]["reason"] == "MemoryLimitNotRaised"
    assert pod.patches == []


async def test_an_api_server_that_is_away_is_asked_again_while_the_kill_is_young() -> None:
    kills = Kills(kill())
    kills.failures = [httpx2.ConnectError("away")]
    pod = OnePod((granting(RAISE),), failures=[httpx2.ConnectError("away")])
    await answered(kills, pod)
    assert len(kills.written) == 1


async def test_an_operator_that_died_before_it_recorded_finds_what_it_did_and_does_it_not_again(
) -> None:  # fmt: skip
    mark = LimitOwner(Step.RAISE, 400 * MI, NOW.isoformat())
    kills = Kills(kill(limit="400Mi"))
    pod = OnePod((granting(RAISE),), writers=LimitWriters(mark))
    await answered(kills, pod)
    ((_, response),) = kills.written
    assert (response["action"], response["limitBefore"], response["limit"]) == (
        "RaisedLimit", "400Mi", "512Mi",
    )  # fmt: skip
    assert pod.patches == []


async def test_the_cooldown_is_recorded_and_not_told_with_every_kill() -> None:
    mark = LimitOwner(Step.RAISE, 400 * MI, (NOW - timedelta(seconds=60)).isoformat())
    kills, pod = Kills(kill()), OnePod((granting(RAISE),), writers=LimitWriters(mark))
    await answered(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["Cooldown"]
    assert kills.posted == []


async def test_a_node_that_is_short_of_memory_is_not_pressed_further() -> None:
    kills, pod = Kills(kill()), OnePod((granting(RAISE),))
    kills.available = "127Mi"
    await answered(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["NodeShort"]
    assert pod.patches == []


async def test_a_record_that_makes_no_sense_stops_nothing() -> None:
    kills = Kills(kill(cause="Whatever"), {"metadata": {}}, kill(time=None), kill(name="good"))
    pod = OnePod((granting(RAISE),))
    await answered(kills, pod)
    assert [name for name, _ in kills.written] == ["shop/good"]


async def test_what_was_given_away_is_not_given_twice_on_one_word_of_the_agent() -> None:
    kills, pod = Kills(kill(name="one"), kill(name="two")), OnePod((granting(RAISE),))
    kills.available = "200Mi"
    await answered(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["RaisedLimit", "NodeShort"]


async def test_an_event_that_the_api_server_does_not_take_is_posted_again() -> None:
    kills, pod = Kills(kill()), OnePod((granting(RAISE),))
    kills.posts = [WriteResult(WriteOutcome.RETRY, "away")]
    await answered(kills, pod)
    assert (len(kills.written), len(kills.posted)) == (1, 2)


async def test_a_raise_waits_for_what_the_agent_tells_of_memory_since_the_kill() -> None:
    kills, pod = Kills(kill(age=10)), OnePod((granting(RAISE),))
    kills.heartbeats = [NOW - timedelta(seconds=200), NOW]
    kills.written_at = None
    await answered(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["RaisedLimit"]
    assert pod.looks == 2


async def test_an_agent_that_does_not_tell_in_time_is_named_as_the_reason() -> None:
    kills, pod = Kills(kill(age=60)), OnePod((granting(RAISE),))
    kills.heartbeats = [NOW - timedelta(seconds=200)]
    kills.written_at = None
    await answered(kills, pod)
    assert [response["reason"] for _, response in kills.written] == ["NodeStale"]
    assert [each["reason"] for each in kills.posted] == ["MemoryLimitNotRaised"]
    assert pod.patches == []


async def test_a_clock_that_is_wrong_keeps_no_kill_from_its_answer() -> None:
    for off in (-300, 300, 7200):
        kills, pod = Kills(kill(age=5 - off, created=4)), OnePod((granting(RAISE),))
        kills.heartbeats = [NOW + timedelta(seconds=off)]
        await answered(kills, pod)
        assert [response["reason"] for _, response in kills.written] == ["RaisedLimit"], off


async def test_a_record_that_was_delivered_late_is_not_acted_on_and_says_so() -> None:
    kills, pod = Kills(kill(age=400, created=4)), OnePod((granting(RAISE),))
    await answered(kills, pod)
    ((_, response),) = kills.written
    assert response["reason"] == "TooLate"
    assert "clock of node node-1" in response["message"]
    assert pod.patches == []
    old = Kills(kill(age=5, created=200))
    await answered(old, pod)
    assert old.written == []
