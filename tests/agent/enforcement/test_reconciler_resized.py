"""A request that is resized in place moves what an offset is relative to, and nothing else."""

from msgspec.structs import replace
from oomwarden.agent.informers.inventory import Container

from tests.support.enforcing import Node, after_settling, policy, read_score, saved_ours, scan_again
from tests.support.fake_cgroups import UID

RUNTIME_GAVE, WOULD_GIVE_NOW = 800, 500
OFFSET = -100


def request(node: Node, would_give: int) -> None:
    """Have the pod's containers request as much as makes this score on a node of 1000 bytes."""
    node.flow.offsets.capacity = 1000
    pod = node.inventory.pods[UID.format(1)]
    asking = tuple(replace(each, request=1000 - would_give) for each in pod.containers)
    node.inventory.pods[pod.cgroup_uid] = replace(pod, containers=asking)
    node.changed.set()


async def lowered(node: Node) -> Container:
    """Give a container that is held at the offset below what the runtime gave."""
    app = node.container("a", "app", processes=0)
    node.spawn(app.cgroup.path, RUNTIME_GAVE)
    node.pod("app")
    request(node, RUNTIME_GAVE)
    node.learn(app, RUNTIME_GAVE)
    node.put(policy(rule={"oomScoreOffset": OFFSET}))
    await node.scores.step()
    assert node.scores_of(app) == [RUNTIME_GAVE + OFFSET]
    return app


async def test_live_scores_and_those_of_execd_processes_follow(node: Node) -> None:
    app = await lowered(node)
    request(node, WOULD_GIVE_NOW)
    await node.scores.step()
    assert node.scores_of(app) == [WOULD_GIVE_NOW + OFFSET]
    started_by_exec = node.spawn(app.cgroup.path, RUNTIME_GAVE)
    await scan_again(node)
    assert read_score(started_by_exec) == WOULD_GIVE_NOW + OFFSET


async def test_deletion_puts_back_what_the_runtime_gave(node: Node) -> None:
    app = await lowered(node)
    request(node, WOULD_GIVE_NOW)
    await node.scores.step()
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [RUNTIME_GAVE]
    await after_settling(node)
    await node.scores.step()
    assert await saved_ours(node) == ["[]"]


async def test_a_score_equal_to_the_runtimes_is_enforced_all_the_same(node: Node) -> None:
    app = await lowered(node)
    request(node, RUNTIME_GAVE - OFFSET)
    await node.scores.step()
    assert node.scores_of(app) == [RUNTIME_GAVE]
    request(node, WOULD_GIVE_NOW)
    await node.scores.step()
    assert node.scores_of(app) == [WOULD_GIVE_NOW + OFFSET]


async def test_an_agent_that_starts_after_the_resize_knows_that_the_score_followed_before(
    node: Node,
) -> None:
    app = await lowered(node)
    request(node, WOULD_GIVE_NOW)
    following = await node.again()
    await following.flow.offsets.load()
    request(following, WOULD_GIVE_NOW)
    following.put(policy(rule={"oomScoreOffset": OFFSET}))
    await following.scores.step()
    assert following.scores_of(app) == [WOULD_GIVE_NOW + OFFSET]
    following.close()
