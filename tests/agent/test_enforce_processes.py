"""Rules for processes, on real processes with titles: children of the test in fake cgroups."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from enforcing import (
    GIVEN,
    OTHER,
    OWN,
    TARGET,
    Node,
    policy,
    read_score,
    saved_ours,
    scan_again,
)
from oomwarden.agent.charge import (
    FIRST_GAP_SECONDS,
    HURRIED_SCANS,
    RULES_HURRIED_SECONDS,
    RULES_LONGEST_SECONDS,
    Charge,
)
from oomwarden.agent.inventory import Container
from oomwarden.agent.scans import LEFT_OUT_SECONDS
from oomwarden.core.plan import Order, Outcome
from oomwarden.kernel.process import Process

WORKERS = [{"command": "postgres: *", "oomScoreAdj": OTHER}]
RULE = {"oomScoreAdj": TARGET, "processes": WORKERS}
IDLE = "postgres: shop db [local] idle"


def server(node: Node, *titles: str) -> tuple[Container, list[int]]:
    """A container with a process that no rule names, and others by their titles."""
    app = node.container("a", "app")
    pids = [node.spawn(app.cgroup.path, title=title) for title in titles]
    node.pod("app")
    node.learn(app)
    return app, pids


def the_charge(node: Node) -> Charge:
    (charge,) = node.enforcer._charges.values()
    return charge


async def test_workers_get_their_score_and_all_values_go_back(node: Node) -> None:
    app, _ = server(node, IDLE)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    assert node.scores(app) == [TARGET, OTHER]
    assert await saved_ours(node) == [f"[{TARGET}, {OTHER}]"]
    report = node.report("protect")
    assert (report.enforced, report.refused) == (1, 0)
    assert node.enforcer.report()[0].processes == 2
    node.put()
    await node.enforcer.step()
    assert node.scores(app) == [GIVEN, GIVEN]
    await node.enforcer.step()
    assert await saved_ours(node) == ["[]"]


async def test_with_rules_for_processes_alone_the_others_keep_what_the_kubelet_gave(
    node: Node,
) -> None:
    app, _ = server(node, IDLE)
    node.put(policy(rule={"processes": WORKERS}))
    await node.enforcer.step()
    assert node.scores(app) == [GIVEN, OTHER]
    assert node.report("protect").enforced == 1
    assert node.enforcer.report()[0].processes == 1, "only those that hold a value of ours"


async def test_a_process_with_its_own_score_is_left_alone_unless_a_rule_names_it(
    node: Node,
) -> None:
    app, _ = server(node)
    own = node.spawn(app.cgroup.path, OWN)
    named = node.spawn(app.cgroup.path, OWN, IDLE)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    assert (read_score(own), read_score(named)) == (OWN, OTHER)
    (refusal,) = node.report("protect").refusals
    assert refusal.reason == "OwnScore"
    assert "processes" in refusal.message


async def test_a_rule_that_changes_takes_its_older_value_along(node: Node) -> None:
    app, _ = server(node, IDLE)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    node.put(policy(rule={"oomScoreAdj": TARGET, "processes": []}))
    await node.enforcer.step()
    assert node.scores(app) == [TARGET, TARGET]


async def test_the_next_agent_knows_all_values_that_were_written(node: Node) -> None:
    app, _ = server(node, IDLE)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    following = await node.again()
    following.put()
    await following.enforcer.step()
    assert following.scores(app) == [GIVEN, GIVEN]


async def test_command_lines_are_read_at_every_scan(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = server(node, "cat")
    other = node.container("b", "other")
    node.pod("app", "other")
    node.learn(other)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    assert node.scores(app) == [TARGET, TARGET]
    monkeypatch.setattr(Process, "command_line", lambda *_: IDLE.encode())
    await scan_again(node)
    assert node.scores(app) == [OTHER, OTHER]


def charge_with(order: Order, container: Container) -> Charge:
    charge = Charge(container)
    charge.give(order, 0.0)
    return charge


def gaps(charge: Charge, *outcomes: Outcome) -> list[float]:
    found = []
    for outcome in outcomes:
        charge.took(outcome, None)
        charge.again(0.0, 10.0)
        found.append(charge._gap)
    return found


async def test_containers_with_rules_are_scanned_every_two_seconds_and_others_ever_later(
    node: Node,
) -> None:
    app, _ = server(node)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    rules = the_charge(node).order
    assert rules is not None
    same = [Outcome(TARGET, rules=rules.rules)] * 10
    assert gaps(charge_with(rules, app), *same)[-1] == RULES_LONGEST_SECONDS
    plain = Order(TARGET, frozenset({GIVEN}))
    assert gaps(charge_with(plain, app), *[Outcome(TARGET)] * 10)[-1] == 10.0


async def test_a_server_that_changes_at_every_scan_is_not_scanned_ten_times_a_second(
    node: Node,
) -> None:
    app, _ = server(node)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    rules = the_charge(node).order
    assert rules is not None
    busy = [Outcome(TARGET, changed=1, rules=rules.rules)] * (HURRIED_SCANS + 1)
    found = gaps(charge_with(rules, app), *busy)
    assert (found[0], found[-1]) == (FIRST_GAP_SECONDS, RULES_HURRIED_SECONDS)


async def test_a_process_in_the_middle_of_exec_is_looked_at_again_soon_and_a_zombie_is_not(
    node: Node,
) -> None:
    app, _ = server(node)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    rules = the_charge(node).order
    assert rules is not None
    blank = Outcome(TARGET, rules=rules.rules, blank=frozenset({7}))
    first, second, third = gaps(charge_with(rules, app), blank, blank, blank)
    assert first < second < third


class Hanging:
    """Command lines that do not come, of some pids, until they are set free."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pids: set[int] = set()
        self.free = threading.Event()
        read = Process.command_line

        def wait(process: Process, most: int) -> bytes:
            if process.pid in self.pids:
                self.free.wait()
            return read(process, most)

        monkeypatch.setattr(Process, "command_line", wait)


@pytest.fixture
def hanging(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    hanging = Hanging(monkeypatch)
    node.enforcer.scans.commands._patience = 0.5
    yield hanging
    hanging.free.set()


async def test_a_process_that_hangs_in_the_kernel_is_left_out_and_its_neighbours_go_on(
    node: Node, hanging: Hanging
) -> None:
    app, (hung, fine) = server(node, IDLE, IDLE)
    hanging.pids = {hung}
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    (refusal,) = node.report("protect").refusals
    assert (refusal.reason, f"process {hung}," in refusal.message) == ("Stuck", True)
    assert the_charge(node).due < node.enforcer._now() + 1, "it is tried again soon"
    await scan_again(node)
    assert (read_score(hung), read_score(fine)) == (GIVEN, OTHER)
    (refusal,) = node.report("protect").refusals
    assert (refusal.reason, f"process {hung}," in refusal.message) == ("Stuck", True)
    assert node.report("protect").enforced == 0
    assert node.enforcer.scans.commands.stuck_since is not None
    assert node.scores(app)[0] == TARGET


async def test_a_process_that_answers_again_gets_its_score_after_a_minute(
    node: Node, hanging: Hanging
) -> None:
    _, (hung,) = server(node, IDLE)
    hanging.pids = {hung}
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    hanging.free.set()
    scans = node.enforcer.scans
    while scans.commands.stuck_since is not None:
        await node.enforcer.worker.run(0, lambda: None)
    await scan_again(node)
    assert read_score(hung) == GIVEN, "one that is slow again and again would stop the others"
    later = scans.clock() + LEFT_OUT_SECONDS
    scans.clock = lambda: later
    await scan_again(node)
    assert read_score(hung) == OTHER
    assert node.report("protect").refusals == ()


async def test_values_are_put_back_while_a_process_hangs(node: Node, hanging: Hanging) -> None:
    app, (worker,) = server(node, IDLE)
    node.put(policy(rule=RULE))
    await node.enforcer.step()
    hanging.pids = {worker}
    await scan_again(node)
    node.put()
    await node.enforcer.step()
    assert node.scores(app) == [GIVEN, GIVEN]
    hanging.free.set()
    while node.enforcer.scans.commands.stuck_since is not None:
        await node.enforcer.worker.run(0, lambda: None)
    assert node.scores(app) == [GIVEN, GIVEN], "the late scan must not write what was asked then"


async def test_a_container_in_which_two_processes_hang_is_not_asked_for_the_others(
    node: Node, hanging: Hanging
) -> None:
    app, pids = server(node, IDLE, IDLE, IDLE)
    hanging.pids = set(pids)
    node.put(policy(rule=RULE))
    for _ in range(4):
        await scan_again(node)
    assert node.scores(app) == [TARGET, GIVEN, GIVEN, GIVEN]
    assert len(node.enforcer.scans.commands._stuck) == 2
    plain = replace(the_charge(node).outcome or Outcome(None))
    assert plain.stuck == set(node.pids(app))
