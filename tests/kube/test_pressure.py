"""The ConfigMap of the pressure: read by all, written by the operator alone, created by nobody."""

import json
from datetime import UTC, datetime

import pytest
from lightkube import ApiError
from oomwarden.core.ledger.rebuild import RecordedRange
from oomwarden.core.quota.pressure import (
    CONDITIONS,
    KEY,
    YOUNG_IN_NEED_SECONDS,
    Pressure,
    PressureLevel,
    read,
    written,
)
from oomwarden.kube import oomnodes as nodes
from oomwarden.kube.pressure import PressureConfigMap

from tests.support.fake_api import Answer, FakeApi, body, status

SAID = Pressure(
    PressureLevel.HIGH, {"shop": PressureLevel.FULL}, nodes=3, kept_seconds=YOUNG_IN_NEED_SECONDS
)
MISSING = status(404, "NotFound", 'configmaps "oomwarden-pressure" not found')
PATH = "/api/v1/namespaces/oomwarden/configmaps/oomwarden-pressure"


async def test_it_is_patched_where_it_is_and_says_when_it_was_renewed() -> None:
    api = FakeApi([body({}), MISSING])
    async with api.client() as client:
        await PressureConfigMap(client, "oomwarden").write(SAID)
        with pytest.raises(ApiError):
            await PressureConfigMap(client, "oomwarden").write(SAID)
    assert [(one.method, one.path) for one in api.requests] == [("PATCH", PATH)] * 2
    data = api.requests[0].body["data"]
    assert read(data) == SAID
    assert data.keys() == {KEY, CONDITIONS, "renewed"}


@pytest.mark.parametrize(
    ("passed_over", "status", "reason"),
    [("", "True", "AllRead"), ("one object is not wholly read", "False", "NotWhollyRead")],
)
async def test_objects_that_the_operator_passes_over_are_a_condition_that_people_can_read(
    passed_over: str, status: str, reason: str
) -> None:
    api = FakeApi([body({})])
    async with api.client() as client:
        await PressureConfigMap(client, "oomwarden").write(SAID, passed_over)
    data = api.requests[0].body["data"]
    (told,) = json.loads(data[CONDITIONS])
    wanted = {"type": "ObjectsUnderstood", "status": status, "reason": reason}
    assert told == wanted | {"message": passed_over}
    assert read(data) == SAID


async def test_there_may_be_none_or_one_that_says_nothing() -> None:
    api = FakeApi([MISSING, body({"metadata": {}}), body({"data": written(SAID)})])
    async with api.client() as client:
        board = PressureConfigMap(client, "oomwarden")
        assert [await board.read() for _ in range(3)] == [None, None, SAID]


async def test_nodes_are_counted_at_the_price_of_one() -> None:
    api = FakeApi([body({"metadata": {"remainingItemCount": 1999}, "items": [{}]})])
    async with api.client() as client:
        assert await PressureConfigMap(client, "oomwarden").nodes() == 2000


KILLS = [
    {
        "metadata": {"creationTimestamp": "2020-01-02T03:04:05Z"},
        "pod": {"uid": "p"},
        "kills": 1,
        "evidence": {"bootID": "b", "cgroup": 7, "level": "Pod", "from": n, "to": n + 1},
    }
    for n in (0, 5)
]
NODE = {
    "metadata": {"name": "n1", "creationTimestamp": "2020-01-01T00:00:00Z"},
    "status": {"kernel": {"bootID": "b"}},
}


@pytest.mark.parametrize(
    ("answer", "minutes"),
    [
        (body({"data": written(SAID)}), 10),
        (MISSING, 60),
        (status(403, "Forbidden", "no"), 60),
    ],
)
async def test_a_lost_store_asks_how_young_a_record_must_be_to_be_there_for_sure(
    answer: Answer, minutes: int
) -> None:
    api = FakeApi(
        [body(NODE), body({"metadata": {"resourceVersion": "1"}, "items": KILLS}), answer]
    )
    async with api.client() as client:
        known = await nodes.list_recorded_ranges(client, "n1", "b", "oomwarden")
    assert known.since is not None
    kept = datetime.now(UTC) - datetime.fromisoformat(known.since)
    assert kept.total_seconds() == pytest.approx(minutes * 60, abs=30)
    assert known.spans == {7: [RecordedRange(0, 1, young=False), RecordedRange(5, 6, young=False)]}
