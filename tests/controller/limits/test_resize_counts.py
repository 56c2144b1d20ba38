"""What becomes of resize requests is counted, and how many wait."""

import pytest
from msgspec import structs
from oomwarden.api.oomlimit import Step
from oomwarden.core.model.limit_ownership import LimitOwner, LimitOwnership
from oomwarden.kube.http.failures import ConnectError
from oomwarden.kube.pod_resizes import ResizeTarget

from tests.support.cluster_of_one import MI, OnePod, granting, refused
from tests.support.metric_values import durations
from tests.support.resizing import ONE_GI, World, request


@pytest.mark.parametrize(
    ("failure", "result"),
    [
        (None, "Set"),
        (refused(403, "exceeded quota: q"), "Refused"),
        (refused(422, "QOS Class may not change"), "Refused"),
        (refused(409, "object was modified"), "Conflict"),
        (refused(500, "etcd is away"), "Failed"),
        (ConnectError("away"), "Failed"),
    ],
)
async def test_what_becomes_of_an_attempt_is_counted(
    failure: Exception | None, result: str
) -> None:
    world = World(OnePod((granting(ONE_GI),), failures=[failure] if failure else []))
    await world.work()
    assert world.resizer.counts.resizes == {result: 1}
    assert durations(world.resizer.counts) == {"policies": 0, "resizes": 1, "responses": 0}


async def test_what_is_denied_or_cannot_be_read_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(OnePod((granting(ONE_GI),)))
    await world.work("node-1", request("2Gi"))
    assert world.resizer.counts.resizes == {"Denied": 1}
    failures: list[Exception] = [ConnectError("away"), KeyError("no such field")]

    async def fail(*_: str) -> ResizeTarget:
        raise failures.pop()

    monkeypatch.setattr(world.pod, "read_target", fail)
    await world.work("node-1", request("3Gi"))
    await world.work("node-1", request("4Gi"))
    assert world.resizer.counts.resizes == {"Denied": 1, "Failed": 2}


async def test_a_limit_that_is_set_for_no_policy_any_more_was_restored() -> None:
    owner = LimitOwner(Step.LIMIT, 400 * MI, "2026-11-23T11:00:00Z")
    world = World(OnePod((), writers=LimitOwnership(owner)))
    await world.work("node-1", structs.replace(request("400Mi"), policy=""))
    assert world.resizer.counts.resizes == {"Restored": 1}


async def test_the_queue_is_as_long_as_its_due_requests() -> None:
    world = World(OnePod((granting(ONE_GI),)))
    world.resizer.update_requests("node-1", [request("1Gi"), request("2Gi")])
    assert world.resizer.waiting() == 2
    await world.work("node-1", request("1Gi"), request("2Gi"))
    assert world.resizer.waiting() == 0
