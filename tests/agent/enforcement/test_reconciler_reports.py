"""What is reported of policies that are not, or not fully, in effect."""

from tests.support.enforcing import GIVEN, OTHER, TARGET, Node, listed, policy


async def test_an_overridden_policy_names_the_one_that_overrides_it(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put(policy("high", priority=2), policy("low", OTHER))
    await node.scores.step()
    (refusal,) = node.report("low").refusals
    assert (refusal.reason, refusal.pod, refusal.container) == ("Overridden", "shop/db-0", "app")
    assert "OOMPolicy shop/high" in refusal.message
    winner = node.tracker.governing.of(app.cgroup.inode)
    assert winner is not None
    assert winner.reference.name == "high"


async def test_a_policy_that_cannot_be_read_is_reported_and_the_others_are_enforced(
    node: Node,
) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put(policy("broken", -1000), policy())
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]
    report = node.report("broken")
    assert report.observed_generation == 0
    assert "spec.rules[0].oomScoreAdj" in report.refusals[0].message


async def test_a_field_of_a_newer_version_is_reported_and_the_rest_is_enforced(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put(policy(rule={"oomScoreAdj": TARGET, "soon": {"limit": "1Gi"}}))
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]
    report = node.report("protect")
    assert (report.enforced, report.refused) == (1, 1)
    assert report.refusals[0].reason == "UnknownField"
    assert node.view.policies.unknown_fields() == ("rules[0].soon",)


async def test_containers_of_a_namespace_that_is_not_known_yet_are_left_as_they_are(
    node: Node,
) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.view.namespaces.replace([])
    cluster = {**policy("all"), "metadata": {"name": "all", "generation": 1}}
    listed(node.view.policies, "ClusterOOMPolicy", cluster)
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]
    node.view.namespaces.apply({"metadata": {"name": "shop"}})
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]
