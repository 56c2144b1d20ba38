"""Enforcement on real processes: children of the test in fake cgroups."""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.support.enforcing import (
    GIVEN,
    OTHER,
    OWN,
    TARGET,
    Node,
    after_settling,
    policy,
    read_score,
    saved_ours,
    scan_again,
    write_score,
)

T = TypeVar("T")


async def test_the_winners_score_is_on_every_process_nested_cgroups_included(node: Node) -> None:
    app = node.container("a", "app", processes=2)
    nested = node.cgroups.make(f"{app.cgroup.path}/init.scope")
    deeper = node.cgroups.make(f"{nested}/db.service")
    below = [node.spawn(nested), node.spawn(deeper)]
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [TARGET, TARGET]
    assert [read_score(pid) for pid in below] == [TARGET, TARGET]
    report = node.report("protect")
    assert (report.pods, report.matched, report.enforced, report.refused) == (1, 1, 1, 0)
    applied, _ = node.reported()
    assert (applied.containers, applied.processes) == (1, 4)


async def test_a_container_without_a_policy_is_not_touched(node: Node) -> None:
    app, other = node.container("a", "app"), node.container("b", "other")
    node.pod("app", "other")
    node.learn(app)
    node.learn(other)
    node.put(policy(rule={"containers": ["app"], "oomScoreAdj": TARGET}))
    await node.scores.step()
    assert (node.scores_of(app), node.scores_of(other)) == ([TARGET], [GIVEN])


async def test_a_process_that_joins_later_gets_the_score_at_the_next_scan(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    node.spawn(app.cgroup.path)
    await scan_again(node)
    assert node.scores_of(app) == [TARGET, TARGET]


async def test_a_process_with_a_score_of_its_own_is_left_alone_and_reported(node: Node) -> None:
    app = node.container("a", "app")
    node.spawn(app.cgroup.path, OWN)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [TARGET, OWN]
    report = node.report("protect")
    assert (report.enforced, report.refused) == (1, 1)
    assert [refusal.reason for refusal in report.refusals] == ["OwnScore"]


async def test_scores_are_put_back_when_the_policy_is_deleted(node: Node) -> None:
    app = node.container("a", "app", processes=2)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN, GIVEN]
    await after_settling(node)
    assert node.reported()[0].containers == 0
    await node.scores.step()
    assert await saved_ours(node) == ["[]"]


async def test_putting_back_leaves_a_process_alone_that_has_set_its_own_score(node: Node) -> None:
    app = node.container("a", "app", processes=2)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    write_score(node.pids(app)[0], OWN)
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [OWN, GIVEN]


async def test_a_changed_policy_replaces_its_older_value(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    node.put(policy(score=OTHER))
    await node.scores.step()
    assert node.scores_of(app) == [OTHER]


async def test_a_changed_policy_is_saved_twice_however_many_containers_it_is_for(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first write, and once all older values are forgotten: not once for each."""
    containers = [node.container(digit, digit) for digit in "abcdef"]
    node.pod(*"abcdef")
    for each in containers:
        node.learn(each)
    node.put(policy())
    await node.scores.step()
    node.put(policy(score=OTHER))
    saved: list[str] = []
    run = node.store.run

    async def note(work: Callable[[sqlite3.Connection], T]) -> T:
        saved.append("saved")
        return await run(work)

    monkeypatch.setattr(node.store, "run", note)
    while node.changed.is_set():
        await node.scores.step()
    await after_settling(node)
    while node.changed.is_set():
        await node.scores.step()
    assert [node.scores_of(each) for each in containers] == [[OTHER]] * 6
    assert len(saved) == 2


async def test_observe_reports_and_touches_nothing(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put(policy(mode="Observe"))
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]
    report = node.report("protect")
    assert (report.matched, report.observed, report.enforced) == (1, 1, 0)
    assert node.tracker.governing.of(app.cgroup.inode) is None


async def test_nothing_happens_before_the_switch_is_known(node: Node) -> None:
    node.view.mode.mode = None
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]


async def test_no_policy_wins_before_both_kinds_were_listed(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.view.policies._listed.clear()
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]
    assert node.tracker.governing.of(app.cgroup.inode) is None


async def test_a_new_container_does_not_wait_for_a_long_list_of_scans(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    containers = [node.container(digit, digit) for digit in "abc"]
    node.pod("a", "b", "c", "d")
    for each in containers:
        node.learn(each)
    node.put(policy())
    await node.scores.step()
    late = node.container("d", "d")
    run = node.scanner.worker.run

    async def learn_meanwhile(inode: int, work: Callable[[], T]) -> T:
        node.learn(late)
        return await run(inode, work)

    node.changed.clear()
    for tracked in node.tracker.containers.values():
        tracked.schedule.due = 0.0
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(node.scanner.worker, "run", learn_meanwhile)
        await node.scores.step()
    done = sum(tracked.schedule.due > 0 for tracked in node.tracker.containers.values())
    assert done == len(containers), "what was looked at together is not looked at again"
    scanned: list[int] = []

    async def note(inode: int, work: Callable[[], T]) -> T:
        scanned.append(inode)
        return await run(inode, work)

    monkeypatch.setattr(node.scanner.worker, "run", note)
    await node.scores.step()
    assert scanned[0] == late.cgroup.inode
    assert node.scores_of(late) == [TARGET]


async def test_a_container_that_goes_away_is_forgotten(node: Node) -> None:
    app, other = node.container("a", "app"), node.container("b", "other")
    node.pod("app", "other")
    for each in (app, other):
        node.learn(each)
    node.put(policy())
    await node.scores.step()
    node.inventory.containers.pop(app.cgroup.inode)
    node.cgroups.remove(app.cgroup.path)
    await scan_again(node)
    node.changed.set()
    await node.scores.step()
    await node.scores.step()
    assert node.reported()[0].containers == 1
    assert node.baselines.applied() == {other.cgroup.inode}
    winner = node.tracker.governing.of(app.cgroup.inode)
    assert winner is not None, "the record of its last kill names the policy"


async def test_another_cgroup_of_the_same_name_is_not_touched(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    pid = node.pids(app)[0]
    path = node.cgroups.root / app.cgroup.path
    path.rename(path.with_name("elsewhere"))
    path.mkdir()
    (path / "cgroup.procs").write_text(f"{pid}\n")
    node.put(policy())
    await node.scores.step()
    assert read_score(pid) == GIVEN
