"""The loop that sets limits: each ask once; a refusal is kept for the status while it is asked."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import httpx2
import pytest
from oomwarden.api.oomnode import Resize
from oomwarden.controller.limits import resizer
from oomwarden.controller.limits.resizer import Resizer
from oomwarden.core.limits.node_report import PolicyKey
from oomwarden.kube.pod_resizes import ResizeTarget

from tests.support.cluster_of_one import OnePod, granting, refused

KEY = PolicyKey("OOMPolicy", "shop", "grow")
ONE_GI = {"memory": {"limit": "1Gi"}}


def ask(limit: str = "1Gi") -> Resize:
    return Resize(
        namespace="shop", pod="db-0", uid="u", container="app", limit=limit,
        policy="OOMPolicy shop/grow",
    )  # fmt: skip


class World:
    """A resizer over one pod; it sleeps by taking turns."""

    def __init__(self, pod: OnePod) -> None:
        self.pod, self.told = pod, list[PolicyKey]()
        self.resizer = Resizer(pod, self.changed, self.sleep)

    def changed(self, keys: Iterable[PolicyKey]) -> None:
        self.told += list(keys)

    async def sleep(self, _: float) -> None:
        await asyncio.sleep(0)

    async def work(self, node: str = "node-1", *asks: Resize) -> None:
        """Let the loop do what is due."""
        self.resizer.update_requests(node, asks or (ask(),))
        task = asyncio.create_task(self.resizer.run())
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()


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


async def test_an_ask_that_was_carried_out_is_not_carried_out_again_at_once() -> None:
    world = World(OnePod((granting(ONE_GI),)))
    await world.work()
    await world.work()
    assert len(world.pod.patches) == 1


async def test_what_no_policy_grants_is_not_patched_whoever_asks() -> None:
    world = World(OnePod((granting(ONE_GI),)))
    await world.work("node-1", ask("2Gi"))
    await world.work("node-2", ask("1Gi"))
    assert world.pod.patches == []


async def test_a_refusal_is_told_under_the_policy_and_gone_with_the_ask() -> None:
    world = World(OnePod((granting(ONE_GI),), failures=[refused(403, "exceeded quota: q")]))
    await world.work()
    (told,) = world.resizer.refusals(KEY)
    assert (told.pod, told.container, told.reason) == ("shop/db-0", "app", "QuotaExceeded")
    assert world.told == [KEY]
    world.resizer.update_requests("node-1", ())
    assert world.resizer.refusals(KEY) == ()
    assert world.told == [KEY, KEY]


async def test_a_refusal_is_not_asked_for_again_at_once_and_ends_when_it_is_taken(
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
    assert world.told == [KEY, KEY]


async def test_a_pod_that_changed_meanwhile_is_decided_on_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resizer, "CONFLICT_SECONDS", 0.0)
    world = World(OnePod((granting(ONE_GI),), failures=[refused(409, "object was modified")]))
    await world.work()
    assert (world.pod.looks, len(world.pod.patches)) == (2, 1)


async def test_an_api_server_that_is_away_ends_nothing_and_refuses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resizer, "RETRY_SECONDS", 0.0)
    world = World(OnePod((granting(ONE_GI),), failures=[httpx2.ConnectError("away")] * 3))
    await world.work()
    assert len(world.pod.patches) == 1
    assert world.told == []


async def test_a_refusal_that_stays_is_asked_for_ever_more_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resizer, "REFUSED_SECONDS", 1.0)
    world = World(OnePod((granting(ONE_GI),), failures=[refused(403, "exceeded quota")] * 9))
    waits = []
    for _ in range(4):
        before = asyncio.get_running_loop().time()
        await world.work()
        answer = world.resizer._requests.get("node-1", ask())
        assert answer is not None
        waits.append(round(answer.due - before))
        world.resizer._requests.answer("node-1", ask(), replace(answer, due=0.0))
    assert waits == [1, 2, 4, 8]


async def test_an_ask_that_is_withdrawn_while_it_is_looked_at_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(OnePod((granting(ONE_GI),), failures=[refused(403, "exceeded quota")]))
    look = world.pod.look

    async def withdraw(namespace: str, pod: str, container: str) -> ResizeTarget:
        world.resizer.update_requests("node-1", ())
        return await look(namespace, pod, container)

    monkeypatch.setattr(world.pod, "look", withdraw)
    await world.work()
    assert (world.pod.looks, world.resizer._requests.get("node-1", ask()), world.told) == (
        1,
        None,
        [],
    )


async def test_a_limit_that_cannot_be_recorded_is_not_set() -> None:
    for error in (refused(403, "oomlimits is forbidden"), httpx2.ConnectError("away")):
        world = World(OnePod((granting(ONE_GI),), unkept=[error]))
        await world.work()
        assert world.pod.patches == []


async def test_what_was_surely_not_set_is_not_kept_and_what_may_have_been_is() -> None:
    world = World(OnePod((granting(ONE_GI),), failures=[refused(403, "exceeded quota: q")]))
    await world.work()
    assert world.pod.steps == ["pending", "nothing"]
    world = World(OnePod((granting(ONE_GI),), failures=[httpx2.ReadError("cut")]))
    await world.work()
    assert world.pod.steps == ["pending"]


async def test_a_record_that_cannot_be_confirmed_leaves_the_limit_set() -> None:
    pod = OnePod((granting(ONE_GI),))
    pod.unkept = []
    world = World(pod)

    async def keep(found: ResizeTarget, _: object) -> ResizeTarget:
        if pod.patches:
            raise httpx2.ConnectError("away")
        return found

    pod.keep = keep  # type: ignore[assignment, method-assign]
    await world.work()
    assert len(pod.patches) == 1
    assert world.resizer.refusals(KEY) == ()


class Slow(OnePod):
    """Never answers for pods of one namespace."""

    async def look(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        if namespace == "slow":
            await asyncio.Event().wait()
        return await super().look(namespace, pod, container)


async def test_a_node_whose_pods_take_long_to_read_keeps_nobody_else_waiting() -> None:
    world = World(Slow((granting(ONE_GI),)))
    slow = [ask().model_copy(update={"namespace": "slow", "pod": f"p{n}"}) for n in range(50)]
    world.resizer.update_requests("node-0", slow)
    await world.work()
    assert len(world.pod.patches) == 1


async def test_a_node_with_ever_new_asks_gets_one_turn_in_two() -> None:
    world = World(OnePod((granting(ONE_GI),)))
    looked: list[str] = []
    look = world.pod.look

    async def note(namespace: str, pod: str, container: str) -> ResizeTarget:
        looked.append(namespace)
        if namespace == "x":
            more = [ask().model_copy(update={"namespace": "x", "pod": f"p{len(looked)}-{n}"})
                    for n in range(50)]  # fmt: skip
            world.resizer.update_requests("node-0", more)
        return await look(namespace, pod, container)

    world.pod.look = note  # type: ignore[method-assign]
    world.resizer.update_requests("node-0", [ask().model_copy(update={"namespace": "x"})])
    honest = [ask().model_copy(update={"pod": f"db-{n}"}) for n in range(10)]
    await world.work("node-1", *honest)
    assert looked.count("shop") >= 5
    assert abs(looked.count("shop") - looked.count("x")) <= 1
