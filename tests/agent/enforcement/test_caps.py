"""The caps: a policy that selects too much takes its time, and can be stopped."""

from oomwarden.agent.enforcement.caps import STARTING_SECONDS, Caps
from oomwarden.agent.enforcement.scan_schedule import HELD_BACK_SECONDS
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.plan import ScorePlan
from oomwarden.core.model.cgroup import Cgroup, Level

from tests.support.enforcing import GIVEN, TARGET, Node, policy, scan_again


def capped(node: Node, processes: int, pods: int, now: list[float]) -> None:
    node.cap(processes, pods, lambda: now[0])


async def test_processes_beyond_the_cap_wait_for_the_next_second_and_it_is_reported(
    node: Node,
) -> None:
    now = [0.0]
    capped(node, 2, 0, now)
    app = node.container("a", "app", processes=5)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert sorted(node.scores_of(app)) == sorted([TARGET] * 2 + [GIVEN] * 3)
    report = node.report("protect")
    assert (report.enforced, [each.reason for each in report.refusals]) == (0, ["RateLimited"])
    for second in (1.0, 2.0):
        now[0] = second
        await scan_again(node)
    assert node.scores_of(app) == [TARGET] * 5
    assert node.report("protect").refusals == ()


async def test_a_running_pod_beyond_the_cap_waits_for_its_turn_and_reports_it(node: Node) -> None:
    now = [1000.0]
    capped(node, 0, 1, now)
    node.scores.caps._pods = node.scores.caps._pods.spend(1, now[0])
    app = node.container("a", "app", existed=True)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]
    assert [each.reason for each in node.report("protect").refusals] == ["Waiting"]
    now[0] += 61.0
    await scan_again(node)
    assert node.scores_of(app) == [TARGET]
    assert node.report("protect").refusals == ()


async def test_a_container_that_starts_under_a_policy_is_not_held_back(node: Node) -> None:
    app = node.container("a", "app")
    now = [app.seen]
    capped(node, 0, 1, now)
    node.scores.caps._pods = node.scores.caps._pods.spend(1, now[0])
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]


async def test_a_pod_that_was_touched_goes_on_and_is_put_back_whatever_waits(node: Node) -> None:
    now = [1000.0]
    capped(node, 0, 1, now)
    app = node.container("a", "app", existed=True)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    for score in (TARGET + 1, TARGET + 2):
        node.put(policy(score=score))
        await node.scores.step()
        assert node.scores_of(app) == [score]
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]


async def test_a_container_that_runs_for_a_while_counts_as_running(node: Node) -> None:
    app = node.container("a", "app")
    now = [app.seen + STARTING_SECONDS]
    capped(node, 0, 1, now)
    node.scores.caps._pods = node.scores.caps._pods.spend(1, now[0])
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]


async def test_one_that_changes_all_the_time_leaves_something_to_the_others(node: Node) -> None:
    now = [0.0]
    capped(node, 2, 0, now)
    greedy, modest = node.container("a", "app", processes=2), node.container("b", "side", 2)
    node.pod("app", "side")
    node.learn(greedy)
    node.learn(modest)
    node.put(policy())
    await node.scores.step()
    node.changed.clear()
    assert (node.scores_of(greedy), node.scores_of(modest)) == ([TARGET] * 2, [GIVEN] * 2)
    for _ in range(3):
        node.spawn(greedy.cgroup.path)
    now[0] = 1.0
    await scan_again(node)
    assert node.scores_of(modest) == [TARGET] * 2
    assert node.scores_of(greedy) == [TARGET] * 2 + [GIVEN] * 3


async def test_what_waits_for_the_cap_is_scanned_twice_a_second_and_all_together(
    node: Node,
) -> None:
    capped(node, 1, 0, [0.0])
    containers = [node.container(digit, name, 2) for digit, name in (("a", "app"), ("b", "side"))]
    node.pod("app", "side")
    for each in containers:
        node.learn(each)
    node.put(policy())
    await node.scores.step()
    first, second = node.tracker.containers.values()
    for tracked in (first, second):
        assert tracked.schedule.due % HELD_BACK_SECONDS == 0
        assert tracked.schedule.due - node.now() <= HELD_BACK_SECONDS


async def test_a_wait_for_the_cap_is_no_longer_reported_once_the_mode_is_pause(
    node: Node,
) -> None:
    now = [1000.0]
    capped(node, 0, 1, now)
    node.scores.caps._pods = node.scores.caps._pods.spend(1, now[0])
    app = node.container("a", "app", existed=True)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    node.switch("Pause")
    now[0] += 3600
    await node.scores.step()
    assert [each.reason for each in node.report("protect").refusals] == ["Paused"]
    assert node.scores_of(app) == [GIVEN]
    node.switch("Enforce")
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]


def crowd(node: Node, number: int) -> list[TrackedContainer]:
    """Running containers, each of a pod of its own, that a policy has just selected."""
    containers = []
    for inode in range(1, number + 1):
        cgroup = Cgroup(inode, f"c{inode}", Level.CONTAINER, f"pod-{inode}", f"{inode:064}")
        container = Container(cgroup, 0.0, "app", existed=True)
        node.baselines.learn(container, 899)
        containers.append(TrackedContainer(container, plan=ScorePlan(-997, frozenset({899}))))
    return containers


async def test_a_full_node_is_enforced_completely_and_no_faster_than_the_cap(node: Node) -> None:
    now, most, pods = [0.0], 20, 110
    caps = Caps(0, most, lambda: now[0])
    waiting = crowd(node, pods)
    begun: list[float] = []
    while waiting:
        admitted = caps.admit(waiting, node.baselines)
        begun += [now[0]] * len(admitted)
        waiting = [each for each in waiting if each not in admitted]
        assert {each.trouble.reason for each in waiting if each.trouble} <= {"Waiting"}
        assert all(each.schedule.due > now[0] for each in waiting)
        now[0] = min((each.schedule.due for each in waiting), default=now[0]) + 0.01
    assert begun.count(0.0) == most
    for at in begun:
        assert sum(at - 60 < each <= at for each in begun) <= 2 * most
    assert begun[-1] <= (pods - most) * 60 / most + pods * 0.01
