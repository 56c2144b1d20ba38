"""Rules for processes, on real processes with titles: children of the test in fake cgroups."""

import pytest
from oomwarden.agent.enforcement.scan_schedule import (
    FIRST_GAP_SECONDS,
    HURRIED_SCANS,
    MAX_RULES_SECONDS,
    RULES_HURRIED_SECONDS,
)
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.plan import ScanOutcome, ScorePlan
from oomwarden.kernel.proc.process import Process

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
    server,
    the_container,
)

WORKERS = [{"command": "postgres: *", "oomScoreAdj": OTHER}]
RULE = {"oomScoreAdj": TARGET, "processes": WORKERS}
IDLE = "postgres: shop db [local] idle"


async def test_workers_get_their_score_and_all_values_go_back(node: Node) -> None:
    app, _ = server(node, IDLE)
    node.put(policy(rule=RULE))
    await node.scores.step()
    assert node.scores_of(app) == [TARGET, OTHER]
    assert await saved_ours(node) == [f"[{TARGET}, {OTHER}]"]
    report = node.report("protect")
    assert (report.enforced, report.refused) == (1, 0)
    assert node.reported()[0].processes == 2
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN, GIVEN]
    await after_settling(node)
    await node.scores.step()
    assert await saved_ours(node) == ["[]"]


async def test_with_rules_for_processes_alone_the_others_keep_what_the_kubelet_gave(
    node: Node,
) -> None:
    app, _ = server(node, IDLE)
    node.put(policy(rule={"processes": WORKERS}))
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN, OTHER]
    assert node.report("protect").enforced == 1
    assert node.reported()[0].processes == 1, "only those with a score set by oomwarden"


async def test_a_process_with_its_own_score_is_left_alone_unless_a_rule_names_it(
    node: Node,
) -> None:
    app, _ = server(node)
    own = node.spawn(app.cgroup.path, OWN)
    named = node.spawn(app.cgroup.path, OWN, IDLE)
    node.put(policy(rule=RULE))
    await node.scores.step()
    assert (read_score(own), read_score(named)) == (OWN, OTHER)
    (refusal,) = node.report("protect").refusals
    assert refusal.reason == "OwnScore"
    assert "processes" in refusal.message


async def test_a_rule_that_changes_replaces_its_older_value(node: Node) -> None:
    app, _ = server(node, IDLE)
    node.put(policy(rule=RULE))
    await node.scores.step()
    node.put(policy(rule={"oomScoreAdj": TARGET, "processes": []}))
    await node.scores.step()
    assert node.scores_of(app) == [TARGET, TARGET]


async def test_the_next_agent_knows_all_values_that_were_written(node: Node) -> None:
    app, _ = server(node, IDLE)
    node.put(policy(rule=RULE))
    await node.scores.step()
    following = await node.again()
    following.put()
    await following.scores.step()
    assert following.scores_of(app) == [GIVEN, GIVEN]


async def test_command_lines_are_read_at_every_scan(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = server(node, "cat")
    other = node.container("b", "other")
    node.pod("app", "other")
    node.learn(other)
    node.put(policy(rule=RULE))
    await node.scores.step()
    assert node.scores_of(app) == [TARGET, TARGET]
    monkeypatch.setattr(Process, "command_line", lambda *_: IDLE.encode())
    await scan_again(node)
    assert node.scores_of(app) == [OTHER, OTHER]


def tracked_with(order: ScorePlan, container: Container) -> TrackedContainer:
    tracked = TrackedContainer(container)
    tracked.set_plan(order, 0.0)
    return tracked


def gaps(tracked: TrackedContainer, *outcomes: ScanOutcome) -> list[float]:
    found = []
    for outcome in outcomes:
        tracked.record_outcome(outcome, None, 0.0)
        tracked.schedule_next(0.0, 10.0)
        found.append(tracked.schedule._gap)
    return found


async def test_containers_with_rules_are_scanned_every_two_seconds_and_others_less_and_less_often(
    node: Node,
) -> None:
    app, _ = server(node)
    node.put(policy(rule=RULE))
    await node.scores.step()
    rules = the_container(node).plan
    assert rules is not None
    same = [ScanOutcome(TARGET, rules=rules.rules)] * 10
    assert gaps(tracked_with(rules, app), *same)[-1] == MAX_RULES_SECONDS
    plain = ScorePlan(TARGET, frozenset({GIVEN}))
    assert gaps(tracked_with(plain, app), *[ScanOutcome(TARGET)] * 10)[-1] == 10.0


async def test_a_server_that_changes_at_every_scan_is_not_scanned_ten_times_a_second(
    node: Node,
) -> None:
    app, _ = server(node)
    node.put(policy(rule=RULE))
    await node.scores.step()
    rules = the_container(node).plan
    assert rules is not None
    busy = [ScanOutcome(TARGET, changed=1, rules=rules.rules)] * (HURRIED_SCANS + 1)
    found = gaps(tracked_with(rules, app), *busy)
    assert (found[0], found[-1]) == (FIRST_GAP_SECONDS, RULES_HURRIED_SECONDS)


async def test_a_process_in_the_middle_of_exec_is_scanned_again_soon_and_a_zombie_is_not(
    node: Node,
) -> None:
    app, _ = server(node)
    node.put(policy(rule=RULE))
    await node.scores.step()
    rules = the_container(node).plan
    assert rules is not None
    blank = ScanOutcome(TARGET, rules=rules.rules, without_command=frozenset({7}))
    first, second, third = gaps(tracked_with(rules, app), blank, blank, blank)
    assert first < second < third
