"""The caps: a policy that selects too much takes its time, and can be stopped."""

from enforcing import GIVEN, TARGET, Node, policy, scan_again
from oomwarden.agent.caps import STARTING_SECONDS, Caps


def capped(node: Node, processes: int, pods: int, now: list[float]) -> None:
    node.enforcer.caps = Caps(processes, pods, lambda: now[0])


async def test_processes_beyond_the_cap_wait_for_the_next_second_and_say_so(node: Node) -> None:
    now = [0.0]
    capped(node, 2, 0, now)
    app = node.container("a", "app", processes=5)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.enforcer.step()
    assert sorted(node.scores(app)) == sorted([TARGET] * 2 + [GIVEN] * 3)
    report = node.report("protect")
    assert (report.enforced, [each.reason for each in report.refusals]) == (0, ["RateLimited"])
    for second in (1.0, 2.0):
        now[0] = second
        await scan_again(node)
    assert node.scores(app) == [TARGET] * 5
    assert node.report("protect").refusals == ()


async def test_a_running_pod_beyond_the_cap_waits_for_its_turn_and_says_so(node: Node) -> None:
    now = [1000.0]
    capped(node, 0, 1, now)
    node.enforcer.caps._pods = node.enforcer.caps._pods.spend(1, now[0])
    app = node.container("a", "app", existed=True)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.enforcer.step()
    assert node.scores(app) == [GIVEN]
    assert [each.reason for each in node.report("protect").refusals] == ["Waiting"]
    now[0] += 61.0
    await scan_again(node)
    assert node.scores(app) == [TARGET]
    assert node.report("protect").refusals == ()


async def test_a_container_that_starts_under_a_policy_is_not_held_back(node: Node) -> None:
    app = node.container("a", "app")
    now = [app.seen]
    capped(node, 0, 1, now)
    node.enforcer.caps._pods = node.enforcer.caps._pods.spend(1, now[0])
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.enforcer.step()
    assert node.scores(app) == [TARGET]


async def test_a_pod_that_was_touched_goes_on_and_is_put_back_whatever_waits(node: Node) -> None:
    now = [1000.0]
    capped(node, 0, 1, now)
    app = node.container("a", "app", existed=True)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.enforcer.step()
    for score in (TARGET + 1, TARGET + 2):
        node.put(policy(score=score))
        await node.enforcer.step()
        assert node.scores(app) == [score]
    node.put()
    await node.enforcer.step()
    assert node.scores(app) == [GIVEN]


async def test_a_container_that_runs_for_a_while_counts_as_running(node: Node) -> None:
    app = node.container("a", "app")
    now = [app.seen + STARTING_SECONDS]
    capped(node, 0, 1, now)
    node.enforcer.caps._pods = node.enforcer.caps._pods.spend(1, now[0])
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.enforcer.step()
    assert node.scores(app) == [GIVEN]
