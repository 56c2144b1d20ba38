"""The pressure ConfigMap: read by all, patched by the operator alone, never created by it."""

import json
from datetime import UTC, datetime

import pytest
from oomwarden.core.ledger.rebuild import RecordedRange
from oomwarden.core.quota.pressure import (
    CONDITIONS,
    KEY,
    YOUNG_IN_NEED_SECONDS,
    Pressure,
    PressureLevel,
    from_config_map,
    to_config_map,
)
from oomwarden.kube import oomnodes
from oomwarden.kube.pressure import PressureConfigMap
from oomwarden.kube.transport.errors import ApiError

from tests.support.fake_api import Answer, FakeApi, body, status

PUBLISHED = Pressure(
    PressureLevel.HIGH, {"shop": PressureLevel.FULL}, nodes=3, kept_seconds=YOUNG_IN_NEED_SECONDS
)
MISSING = status(404, "NotFound", 'configmaps "oomwarden-pressure" not found')
PATH = "/api/v1/namespaces/oomwarden/configmaps/oomwarden-pressure"


async def test_the_configmap_is_patched_with_the_time_of_the_renewal() -> None:
    api = FakeApi([body({}), MISSING])
    async with api.client() as client:
        await PressureConfigMap(client, "oomwarden").write(PUBLISHED)
        with pytest.raises(ApiError):
            await PressureConfigMap(client, "oomwarden").write(PUBLISHED)
    assert [(one.method, one.path) for one in api.requests] == [("PATCH", PATH)] * 2
    data = api.requests[0].body["data"]
    assert from_config_map(data) == PUBLISHED
    assert data.keys() == {KEY, CONDITIONS, "renewed"}


@pytest.mark.parametrize(
    ("passed_over", "status", "reason"),
    [
        ("", "True", "AllRead"),
        ("one object is not completely readable", "False", "NotWhollyRead"),
    ],
)
async def test_objects_that_the_operator_passes_over_are_published_as_a_condition(
    passed_over: str, status: str, reason: str
) -> None:
    api = FakeApi([body({})])
    async with api.client() as client:
        await PressureConfigMap(client, "oomwarden").write(PUBLISHED, passed_over)
    data = api.requests[0].body["data"]
    (condition,) = json.loads(data[CONDITIONS])
    wanted = {"type": "ObjectsUnderstood", "status": status, "reason": reason}
    assert condition == wanted | {"message": passed_over}
    assert from_config_map(data) == PUBLISHED


async def test_a_missing_or_empty_configmap_is_none() -> None:
    api = FakeApi([MISSING, body({"metadata": {}}), body({"data": to_config_map(PUBLISHED)})])
    async with api.client() as client:
        configmap = PressureConfigMap(client, "oomwarden")
        assert [await configmap.read() for _ in range(3)] == [None, None, PUBLISHED]


async def test_nodes_are_counted_at_the_cost_of_one() -> None:
    api = FakeApi([body({"metadata": {"remainingItemCount": 1999}, "items": [{}]})])
    async with api.client() as client:
        assert await PressureConfigMap(client, "oomwarden").count_nodes() == 2000


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
        (body({"data": to_config_map(PUBLISHED)}), 10),
        (MISSING, 60),
        (status(403, "Forbidden", "no"), 60),
    ],
)
async def test_recovery_reads_up_to_which_age_records_are_kept(
    answer: Answer, minutes: int
) -> None:
    api = FakeApi(
        [body(NODE), body({"metadata": {"resourceVersion": "1"}, "items": KILLS}), answer]
    )
    async with api.client() as client:
        known = await oomnodes.list_recorded_ranges(client, "n1", "b", "oomwarden")
    assert known.since is not None
    kept = datetime.now(UTC) - datetime.fromisoformat(known.since)
    assert kept.total_seconds() == pytest.approx(minutes * 60, abs=30)
    assert known.ranges == {7: [RecordedRange(0, 1, young=False), RecordedRange(5, 6, young=False)]}
