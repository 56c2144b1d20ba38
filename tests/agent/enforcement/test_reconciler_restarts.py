"""What a restarted agent leaves as it is until it knows better."""

from msgspec.structs import replace

from tests.support.enforcing import TARGET, Node, policy


async def test_scores_stay_while_a_restarted_agent_has_not_heard_of_its_pods(node: Node) -> None:
    app = node.container("a", "app")
    pod = node.pod("app")
    node.learn(app)
    selecting = policy(podSelector={"matchLabels": {"app": "db"}})
    node.put(selecting)
    await node.scores.step()
    node.inventory.deleted[pod.cgroup_uid] = replace(node.inventory.pods.popitem()[1], labels={})
    node.inventory.synced = False
    following = await node.again()
    following.put(selecting)
    await following.scores.step()
    assert node.scores_of(app) == [TARGET]
