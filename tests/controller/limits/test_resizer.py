"""The resizer applies each request once, and keeps refusals while they are requested."""

import asyncio

import pytest
from msgspec import structs
from msgspec.structs import replace
from oomwarden.controller.limits import resizer
from oomwarden.kube.http.failures import ConnectError, ConnectionLostError
from oomwarden.kube.pod_resizes import ResizeTarget

from tests.support.cluster_of_one import OnePod, granting, refused
from tests.support.resizing import KEY, ONE_GI, World, request


async def test_what_a_policy_grants_is_recorded_then_patched_then_confirmed() -> None:
    world = World(OnePod((granting(ONE_GI),)))
    await world.work()
    ((patch, manager),) = world.pod.patches
    assert patch["spec"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}
    assert manager == "oomwarden-limit/app"
    assert world.pod.steps == ["pending", "patch", "done"]
    (first, last) = world.pod.kept
    assert first is not None
    assert last is not None
    assert (first.before, first.was, first.limit) == ("512Mi", "512Mi", "1Gi")
    assert (last.before, last.was, last.limit) == ("512Mi", None, "1Gi")


async def test_a_request_that_was_applied_is_not_applied_again_immediately() -> None:
    world = World(OnePod((granting(ONE_GI),)))
    await world.work()
    await world.work()
    assert len(world.pod.patches) == 1


async def test_what_no_policy_grants_is_not_patched_for_any_node() -> None:
    world = World(OnePod((granting(ONE_GI),)))
    await world.work("node-1", request("2Gi"))
    await world.work("node-2", request("1Gi"))
    assert world.pod.patches == []


async def test_a_refusal_is_shown_for_the_policy_until_the_request_is_withdrawn() -> None:
    world = World(OnePod((granting(ONE_GI),), failures=[refused(403, "exceeded quota: q")]))
    await world.work()
    (shown,) = world.resizer.refusals(KEY)
    assert (shown.pod, shown.container, shown.reason) == ("shop/db-0", "app", "QuotaExceeded")
    assert world.changes == [KEY]
    world.resizer.update_requests("node-1", ())
    assert world.resizer.refusals(KEY) == ()
    assert world.changes == [KEY, KEY]


async def test_a_refused_request_is_retried_later_and_the_refusal_ends_when_it_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(OnePod((granting(ONE_GI),), failures=[refused(422, "QOS Class may not change")]))
    await world.work()
    await world.work()
    assert world.pod.looks == 1
    monkeypatch.setattr(resizer, "REFUSED_SECONDS", 0.0)
    world = World(OnePod((granting(ONE_GI),), failures=[refused(422, "QOS Class may not change")]))
    await world.work()
    assert len(world.pod.patches) == 1
    assert world.resizer.refusals(KEY) == ()
    assert world.changes == [KEY, KEY]


async def test_a_pod_that_changed_meanwhile_is_read_and_evaluated_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resizer, "CONFLICT_SECONDS", 0.0)
    world = World(OnePod((granting(ONE_GI),), failures=[refused(409, "object was modified")]))
    await world.work()
    assert (world.pod.looks, len(world.pod.patches)) == (2, 1)


async def test_an_unavailable_api_server_is_retried_and_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resizer, "RETRY_SECONDS", 0.0)
    world = World(OnePod((granting(ONE_GI),), failures=[ConnectError("away")] * 3))
    await world.work()
    assert len(world.pod.patches) == 1
    assert world.changes == []


async def test_repeated_refusals_back_off_exponentially(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resizer, "REFUSED_SECONDS", 1.0)
    world = World(OnePod((granting(ONE_GI),), failures=[refused(403, "exceeded quota")] * 9))
    waits = []
    for _ in range(4):
        before = asyncio.get_running_loop().time()
        await world.work()
        answer = world.resizer._requests.get("node-1", request())
        assert answer is not None
        waits.append(round(answer.due - before))
        world.resizer._requests.record_outcome("node-1", request(), replace(answer, due=0.0))
    assert waits == [1, 2, 4, 8]


async def test_a_request_that_is_withdrawn_while_it_is_processed_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(OnePod((granting(ONE_GI),), failures=[refused(403, "exceeded quota")]))
    read_target = world.pod.read_target

    async def withdraw(namespace: str, pod: str, container: str) -> ResizeTarget:
        world.resizer.update_requests("node-1", ())
        return await read_target(namespace, pod, container)

    monkeypatch.setattr(world.pod, "read_target", withdraw)
    await world.work()
    assert (world.pod.looks, world.resizer._requests.get("node-1", request()), world.changes) == (
        1,
        None,
        [],
    )


async def test_a_limit_that_cannot_be_recorded_is_not_set() -> None:
    for error in (refused(403, "oomlimits is forbidden"), ConnectError("away")):
        world = World(OnePod((granting(ONE_GI),), unkept=[error]))
        await world.work()
        assert world.pod.patches == []


async def test_the_record_is_removed_after_a_refusal_and_kept_after_an_unknown_outcome() -> None:
    world = World(OnePod((granting(ONE_GI),), failures=[refused(403, "exceeded quota: q")]))
    await world.work()
    assert world.pod.steps == ["pending", "nothing"]
    world = World(OnePod((granting(ONE_GI),), failures=[ConnectionLostError("cut")]))
    await world.work()
    assert world.pod.steps == ["pending"]


async def test_a_record_that_cannot_be_confirmed_leaves_the_limit_set() -> None:
    pod = OnePod((granting(ONE_GI),))
    pod.unkept = []
    world = World(pod)

    async def store(found: ResizeTarget, _: object) -> ResizeTarget:
        if pod.patches:
            raise ConnectError("away")
        return found

    pod.store = store  # type: ignore[assignment, method-assign]
    await world.work()
    assert len(pod.patches) == 1
    assert world.resizer.refusals(KEY) == ()


class Slow(OnePod):
    """Never answers for pods of one namespace."""

    async def read_target(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        if namespace == "slow":
            await asyncio.Event().wait()
        return await super().read_target(namespace, pod, container)


async def test_a_node_whose_pods_are_slow_to_read_does_not_delay_other_nodes() -> None:
    world = World(Slow((granting(ONE_GI),)))
    slow = [structs.replace(request(), namespace="slow", pod=f"p{n}") for n in range(50)]
    world.resizer.update_requests("node-0", slow)
    await world.work()
    assert len(world.pod.patches) == 1


async def test_a_node_that_always_has_new_requests_gets_every_second_turn() -> None:
    world = World(OnePod((granting(ONE_GI),)))
    looked: list[str] = []
    read_target = world.pod.read_target

    async def note(namespace: str, pod: str, container: str) -> ResizeTarget:
        looked.append(namespace)
        if namespace == "x":
            more = [structs.replace(request(), namespace="x", pod=f"p{len(looked)}-{n}")
                    for n in range(50)]  # fmt: skip
            world.resizer.update_requests("node-0", more)
        return await read_target(namespace, pod, container)

    world.pod.read_target = note  # type: ignore[method-assign]
    world.resizer.update_requests("node-0", [structs.replace(request(), namespace="x")])
    honest = [structs.replace(request(), pod=f"db-{n}") for n in range(10)]
    await world.work("node-1", *honest)
    assert looked.count("shop") >= 5
    assert abs(looked.count("shop") - looked.count("x")) <= 1
