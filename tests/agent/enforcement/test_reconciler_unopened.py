"""Containers that a restarted agent cannot open yet: what it knows of them stays."""

from msgspec.structs import replace
from oomwarden.agent.informers.inventory import Container

from tests.support.enforcing import GIVEN, TARGET, Node, after_settling, policy


async def enforced(node: Node) -> Container:
    """Let a policy hold on two containers; gives the second."""
    app, side = node.container("a", "app"), node.container("b", "side")
    node.pod("app", "side")
    node.learn(app)
    node.learn(side)
    node.put(policy())
    await node.scores.step()
    return side


async def begun_without(node: Node, hidden: int) -> Node:
    """Begin a second agent, from which a container is hidden."""
    containers = dict(node.inventory.containers)
    container = containers.pop(hidden)
    node.inventory = replace(node.inventory, containers=containers, _last_seen=frozenset())
    following = await node.again()
    following.inventory.partly_seen = True
    following.put(policy())
    await following.scores.step()
    container.existed = False
    following.inventory.containers[hidden] = container
    following.inventory.partly_seen = False
    following.changed.set()
    return following


async def test_a_container_that_a_restarted_agent_opens_late_gets_its_own_score_back(
    node: Node,
) -> None:
    side = await enforced(node)
    following = await begun_without(node, side.cgroup.inode)
    following.learn(side, TARGET)  # what it holds
    following.put()
    await after_settling(following)
    await after_settling(following)
    assert following.scores_of(side) == [GIVEN]


async def test_what_went_away_is_forgotten_while_other_containers_cannot_be_opened(
    node: Node,
) -> None:
    side = await enforced(node)
    node.inventory.partly_seen = True
    del node.inventory.containers[side.cgroup.inode]
    node.changed.set()
    await node.scores.step()
    assert side.cgroup.inode not in node.baselines.applied()
    assert len(node.baselines.applied()) == 1
