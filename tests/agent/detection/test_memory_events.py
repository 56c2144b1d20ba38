"""Memory events on a fake node; each step is one round, without waiting."""

from collections import Counter

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts

from tests.support.limit_hits import POD, LimitHitNode


async def test_events_are_counted_across_the_restarts_of_a_container(host: LimitHitNode) -> None:
    first = host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(first.cgroup.path, 5, failures=1)
    host.cgroups.group_kill(first.cgroup.path, hit=first.cgroup.path)
    host.remove(first)
    second = host.container("b")
    host.cgroups.hit_limit(second.cgroup.path, 2)
    await host.rounds()
    assert host.events["app", "oom_group_kill"] == 1
    assert host.events["app", "oom_kill"] == 2
    assert host.events["app", "oom"] >= 1


async def test_events_before_the_agents_start_are_not_counted(host: LimitHitNode) -> None:
    app = host.container("a", existed=True)
    host.cgroups.hit_limit(app.cgroup.path, 1000)
    await host.rounds(2)
    host.cgroups.hit_limit(app.cgroup.path, 3)
    await host.rounds()
    assert host.events == Counter({("app", "max"): 3})


async def test_events_of_one_of_several_containers_are_its_own(host: LimitHitNode) -> None:
    app, side = host.container("a"), host.container("b", "side")
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 3)
    host.cgroups.hit_limit(side.cgroup.path, 4)
    host.cgroups.hit_limit(host.pod, 5)
    await host.rounds()
    assert host.events == Counter({("app", "max"): 3, ("side", "max"): 4, ("", "max"): 5})


async def test_events_of_a_crash_loop_are_its_containers_also_while_it_does_not_run(
    host: LimitHitNode,
) -> None:
    facts = ContainerFacts("app", ContainerType.APP)
    host.inventory.pods[POD] = PodFacts(
        POD, POD, "shop", "api-1", {}, QOSClass.BURSTABLE, containers=(facts,)
    )
    app = host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 5)
    host.remove(app)
    await host.rounds()
    assert host.events == Counter({("app", "max"): 5})
