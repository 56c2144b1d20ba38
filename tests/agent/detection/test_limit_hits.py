"""Near misses on a fake node; each step is one round, without waiting."""

from collections import Counter

import pytest
from oomwarden.agent.detection import limit_hits
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.limit_hits import read_stalls

from tests.support.limit_hits import MIB, POD, LimitHitNode

STALLS = "some avg10=0.00 avg60=7.50 avg300=0.00 total=5\n"


async def test_a_limit_that_was_hit_without_a_kill_is_a_near_miss(host: LimitHitNode) -> None:
    app = host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 9)
    await host.rounds(2)
    assert host.found == [("app", 9, 32 * MIB)]


async def test_a_kill_is_not_a_near_miss(host: LimitHitNode) -> None:
    app = host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 16)
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 16, failures=1)
    host.cgroups.group_kill(app.cgroup.path, hit=app.cgroup.path)
    await host.rounds(3)
    assert host.found == []


async def test_the_limit_of_a_pod_with_one_container_is_the_containers(host: LimitHitNode) -> None:
    host.container("p", name=None)  # the pause container
    host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(host.pod, 3)
    await host.rounds(2)
    assert host.found == [("app", 3, 32 * MIB)]


async def test_the_limit_that_several_containers_share_is_the_pods(host: LimitHitNode) -> None:
    host.container("a")
    host.container("b", "side")
    await host.rounds()
    host.cgroups.hit_limit(host.pod, 3)
    await host.rounds(2)
    assert host.found == [("", 3, 64 * MIB)]


async def test_hits_before_the_agents_start_are_not_counted_and_later_ones_are(
    host: LimitHitNode,
) -> None:
    app = host.container("a", existed=True)
    host.cgroups.hit_limit(app.cgroup.path, 1000)
    await host.rounds(2)
    assert host.found == []
    host.cgroups.hit_limit(app.cgroup.path, 4)
    await host.rounds(2)
    assert host.found == [("app", 4, 32 * MIB)]


async def test_a_limit_that_is_read_late_is_that_of_the_pods_spec_until_then(
    host: LimitHitNode,
) -> None:
    app = host.container("a")
    app.limit = None
    facts = ContainerFacts("app", ContainerType.APP, limit=48 * MIB)
    host.inventory.pods[POD] = PodFacts(
        POD, POD, "shop", "api-1", {}, QOSClass.BURSTABLE, containers=(facts,)
    )
    host.cgroups.hit_limit(app.cgroup.path, 5)
    await host.rounds(2)
    assert host.found == [("app", 5, 48 * MIB)]
    app.limit = 32 * MIB
    assert host.found == [("app", 5, 32 * MIB)]


async def test_a_restarted_container_keeps_its_near_misses(host: LimitHitNode) -> None:
    first = host.container("a")
    host.cgroups.hit_limit(first.cgroup.path, 5)
    await host.rounds(2)
    host.remove(first)
    second = host.container("b")
    host.cgroups.hit_limit(second.cgroup.path, 2)
    await host.rounds(2)
    assert host.found == [("app", 7, 32 * MIB)]


async def test_stalls_are_read_once_a_minute_while_the_limit_is_hit(
    host: LimitHitNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, calls = host.container("a"), list[Cgroup]()

    def counted(root: CgroupRoot, cgroup: Cgroup) -> object:
        calls.append(cgroup)
        return read_stalls(root, cgroup)

    monkeypatch.setattr(limit_hits, "read_stalls", counted)
    (host.cgroups.root / app.cgroup.path / "memory.pressure").write_text(STALLS)
    for _ in range(6):
        host.cgroups.hit_limit(app.cgroup.path)
        await host.rounds()
    (limited,) = [limited for _, limited in host.monitor.recent()]
    assert limited.stalls is not None
    assert limited.stalls.some.avg60 == 7.5
    assert len(calls) == 2


async def test_an_hour_without_hits_leaves_nothing_behind(host: LimitHitNode) -> None:
    app = host.container("a")
    host.cgroups.hit_limit(app.cgroup.path, 5)
    await host.rounds(2)
    host.now += 3700
    await host.rounds()
    assert host.found == []
    assert host.monitor._holders == {}


async def test_nothing_is_read_before_the_top_of_all_pods_is_known(host: LimitHitNode) -> None:
    host.accounts.clear()
    await host.rounds()
    assert host.found == []


async def test_the_near_misses_of_each_container_are_counted_for_good(host: LimitHitNode) -> None:
    app = host.container("a")
    await host.rounds()
    for _ in range(3):
        host.cgroups.hit_limit(app.cgroup.path, 4)
        await host.rounds(2)
        host.now += 3700
    await host.rounds()
    assert (host.found, host.near_misses) == ([], Counter({"app": 12}))
