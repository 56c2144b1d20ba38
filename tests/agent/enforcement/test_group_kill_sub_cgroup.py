"""memory.oom.group where the runtime (crun) puts the container into a cgroup below its scope."""

from pathlib import Path

from oomwarden.agent.enforcement.group_kill import YOUNG_SECONDS
from oomwarden.agent.informers.inventory import Container

from tests.support.enforcing import Node, policy

SINGLY = {"memory": {"groupKill": False}}
TOGETHER = {"memory": {"groupKill": True}}


def files(node: Node, container: Container) -> tuple[str, ...]:
    scope = node.cgroups.root / container.cgroup.path
    found = (scope / "memory.oom.group", scope / "container/memory.oom.group")
    return tuple(path.read_text()[0] for path in found if path.exists())


def make_below(node: Node, container: Container, value: str) -> Path:
    """Let the runtime make its cgroup, and move the processes there."""
    scope = node.cgroups.root / container.cgroup.path
    below = scope / "container"
    below.mkdir()
    (below / "memory.oom.group").write_text(f"{value}\n")
    (scope / "cgroup.procs").rename(below / "cgroup.procs")
    (scope / "cgroup.procs").write_text("")
    return below


def started(node: Node, below: str | None, *, young: bool = False) -> Container:
    node.groups.writes = True
    app = node.container("a", "app")
    app.seen = node.now() - (0 if young else YOUNG_SECONDS)
    (node.cgroups.root / app.cgroup.path / "memory.oom.group").write_text("0\n")
    if below is not None:
        make_below(node, app, below)
    node.pod("app")
    node.learn(app)
    return app


async def settle(node: Node) -> None:
    node.changed.set()
    await node.scores.step()
    await node.groups.step()
    await node.groups.step()


async def test_group_kill_false_is_written_below_repaired_and_put_back(node: Node) -> None:
    app = started(node, "1")
    node.put(policy(rule=SINGLY))
    await settle(node)
    assert files(node, app) == ("0", "0")
    assert node.report("protect").enforced == 1
    (node.cgroups.root / app.cgroup.path / "container/memory.oom.group").write_text("1\n")
    await settle(node)
    assert (files(node, app), node.groups.repairs) == (("0", "0"), 1)
    node.put()
    await settle(node)
    assert files(node, app) == ("0", "1")
    assert node.reported()[0].containers == 0


async def test_without_the_right_to_write_group_kill_false_is_not_in_force(node: Node) -> None:
    app = started(node, "1")
    node.groups.writes = False
    node.put(policy(rule=SINGLY))
    await settle(node)
    report = node.report("protect")
    assert (report.enforced, report.refusals[0].reason) == (0, "CgroupWritesOff")
    assert files(node, app) == ("0", "1")


async def test_the_next_agent_puts_back_both_files(node: Node) -> None:
    app = started(node, "1")
    node.put(policy(rule=SINGLY))
    await settle(node)
    following = await node.again()
    following.groups.writes = True
    await following.groups.baselines.load()
    following.put()
    await settle(following)
    assert files(following, app) == ("0", "1")
    following.close()


async def test_group_kill_true_needs_only_one_of_the_files(node: Node) -> None:
    app = started(node, "1")
    node.put(policy(rule=TOGETHER))
    await settle(node)
    assert files(node, app) == ("0", "1")
    assert node.report("protect").enforced == 1


async def test_group_kill_true_is_written_to_the_containers_own_cgroup(node: Node) -> None:
    app = started(node, "0")
    node.put(policy(rule=TOGETHER))
    await settle(node)
    assert files(node, app) == ("1", "0")
    node.put()
    await settle(node)
    assert files(node, app) == ("0", "0")


async def test_a_sub_cgroup_that_appears_later_is_reconciled_and_put_back_as_it_was(
    node: Node,
) -> None:
    app = started(node, None, young=True)
    node.put(policy(rule=SINGLY))
    await settle(node)
    make_below(node, app, "1")
    await settle(node)
    assert files(node, app) == ("0", "0")
    node.put()
    await settle(node)
    assert files(node, app) == ("0", "1")
