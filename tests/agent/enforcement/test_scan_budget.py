"""What scans may cost: one container that changes all the time slows only itself."""

import asyncio
import itertools
import time

import pytest
from oomwarden.agent.enforcement.scan_schedule import SCAN_BURST_SECONDS, SCAN_SHARE
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.runtime import pace as news_pace
from oomwarden.agent.runtime.pace import ReconcilePacer
from oomwarden.core.enforcement.plan import ScanOutcome, ScorePlan
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.members import list_pids
from oomwarden.kernel.container import scores as apply

from tests.support.enforcing import Node, policy

CHANGED = ScanOutcome(5, frozenset({1}), changed=1)


def a_container() -> TrackedContainer:
    cgroup = Cgroup(7, "p/c", Level.CONTAINER, "u", "a" * 64)
    found = TrackedContainer(Container(cgroup, 0.0, "app"))
    found.set_plan(ScorePlan(5, frozenset({0})), 0.0)
    return found


def spend(one: TrackedContainer, cost: float, seconds: float, *, hurried: int = 1) -> float:
    """Scan whenever it is due, for so long; gives the processor time that it took."""
    spent, now = 0.0, 0.0
    while now < seconds:
        spent += cost
        one.cost = cost
        one.record_outcome(CHANGED, None, now)
        one.schedule_next(now, 10.0, hurried=hurried)
        now = max(one.schedule.due, now + cost)
    return spent


@pytest.mark.parametrize(("cost", "hurried"), [(0.02, 1), (0.2, 1), (1.0, 1), (0.02, 10)])
def test_scans_that_always_find_something_take_a_tenth_of_a_processor_together(
    cost: float, hurried: int
) -> None:
    spent = spend(a_container(), cost, 1000.0, hurried=hurried)
    assert spent <= 1000.0 / (SCAN_SHARE * hurried) + SCAN_BURST_SECONDS + 2 * cost


def test_a_new_target_is_written_immediately_unless_targets_keep_changing() -> None:
    one = a_container()
    for target in range(5):
        one.set_plan(ScorePlan(target + 10, frozenset({0})), 1.0)
        assert one.schedule.due == 1.0
        one.cost = 0.002
        one.record_outcome(CHANGED, None, 1.0)
        one.schedule_next(1.0, 10.0)
    one.cost = 2 * SCAN_BURST_SECONDS
    one.record_outcome(CHANGED, None, 1.0)
    one.schedule_next(1.0, 10.0)
    one.set_plan(ScorePlan(99, frozenset({0})), 1.0)
    assert one.schedule.due > 1.0 + SCAN_BURST_SECONDS * SCAN_SHARE


async def test_a_scan_reads_no_process_twice(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """One short-lived process more at each look: rounds go on, and each looks at that one alone."""
    app = node.container("a", "app", 20)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    looked: list[int] = []
    fresh, real, opened = itertools.count(4_000_000), list_pids, node.scanner.host.proc.open

    def look(pid: int) -> object:
        looked.append(pid)
        return opened(pid)

    monkeypatch.setattr(apply, "list_pids", lambda directory: [next(fresh), *real(directory)])
    monkeypatch.setattr(type(node.scanner.host.proc), "open", lambda _, pid: look(pid))
    for each in node.tracker.containers.values():
        each.schedule.due, each.schedule._scans = 0.0, 1
    await node.scores.step()
    assert not set(looked) & set(node.pids(app))
    assert len(looked) == len(set(looked)) <= apply.MAX_ROUNDS


async def test_changes_while_many_scans_are_due_do_not_restart_all_of_them(
    node: Node,
) -> None:
    names = "abcdef"
    containers = [node.container(name, name) for name in names]
    node.pod(*names)
    for each in containers:
        node.learn(each)
    node.put(policy())
    while node.changed.is_set():
        await node.scores.step()
    all_tracked = list(node.tracker.containers.values())
    for tracked in all_tracked:
        tracked.schedule.due, tracked.schedule._scans = 0.0, 1
    node.changed.set()
    asyncio.get_running_loop().call_soon(node.changed.set)  # during the first look
    await node.scores.step()
    assert node.changed.is_set()
    assert all(tracked.schedule.due > 0.0 for tracked in all_tracked)


async def test_work_after_changes_rests_in_proportion_to_its_cost() -> None:
    pace, loop = ReconcilePacer(), asyncio.get_running_loop()
    began = time.thread_time()
    with pace:
        while time.thread_time() - began < 0.005:
            continue
    at = loop.time()
    await pace.rest()
    assert loop.time() - at >= 0.005 * news_pace.REST_FACTOR * 0.9
