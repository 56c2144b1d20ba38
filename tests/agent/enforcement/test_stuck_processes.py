"""Processes whose command line the kernel does not give, and their neighbours."""

import threading
from collections.abc import Iterator

import pytest
from oomwarden.agent.enforcement.scanner import LEFT_OUT_SECONDS
from oomwarden.agent.runtime.worker import StuckError
from oomwarden.core.enforcement.plan import ScanOutcome
from oomwarden.kernel.cgroup.member_files import MemberFiles
from oomwarden.kernel.proc.process import Process

from tests.support.enforcing import (
    GIVEN,
    OTHER,
    TARGET,
    Node,
    policy,
    read_score,
    scan_again,
    server,
    the_container,
)

IDLE = "postgres: shop db [local] idle"
RULE = {"oomScoreAdj": TARGET, "processes": [{"command": "postgres: *", "oomScoreAdj": OTHER}]}


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
    node.scanner.commands._timeout = 0.5
    yield hanging
    hanging.free.set()


async def test_a_process_that_hangs_in_the_kernel_is_left_out_and_its_neighbours_go_on(
    node: Node, hanging: Hanging
) -> None:
    app, (hung, fine) = server(node, IDLE, IDLE)
    hanging.pids = {hung}
    node.put(policy(rule=RULE))
    await node.scores.step()
    (refusal,) = node.report("protect").refusals
    assert (refusal.reason, f"process {hung})" in refusal.message) == ("Stuck", True)
    assert the_container(node).schedule.due < node.now() + 1, "it is tried again soon"
    await scan_again(node)
    assert (read_score(hung), read_score(fine)) == (GIVEN, OTHER)
    (refusal,) = node.report("protect").refusals
    assert (refusal.reason, f"process {hung})" in refusal.message) == ("Stuck", True)
    assert node.report("protect").enforced == 0
    assert node.scanner.commands.stuck_since is not None
    assert node.scores_of(app)[0] == TARGET


async def test_a_process_that_answers_again_gets_its_score_after_a_minute(
    node: Node, hanging: Hanging
) -> None:
    _, (hung,) = server(node, IDLE)
    hanging.pids = {hung}
    node.put(policy(rule=RULE))
    await node.scores.step()
    hanging.free.set()
    scans = node.scanner
    while scans.commands.stuck_since is not None:
        await node.scanner.worker.run(0, lambda: None)
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
    await node.scores.step()
    hanging.pids = {worker}
    await scan_again(node)
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN, GIVEN]
    hanging.free.set()
    while node.scanner.commands.stuck_since is not None:
        await node.scanner.worker.run(0, lambda: None)
    assert node.scores_of(app) == [GIVEN, GIVEN], "the late scan must not write what was asked then"


async def test_a_container_in_which_two_processes_hang_is_not_asked_for_the_others(
    node: Node, hanging: Hanging
) -> None:
    app, pids = server(node, IDLE, IDLE, IDLE)
    hanging.pids = set(pids)
    node.put(policy(rule=RULE))
    for _ in range(4):
        await scan_again(node)
    assert node.scores_of(app) == [TARGET, GIVEN, GIVEN, GIVEN]
    assert len(node.scanner.commands._stuck) == 2
    plain = the_container(node).outcome or ScanOutcome(None)
    assert plain.stuck == set(node.pids(app))


async def test_open_files_are_left_to_a_look_that_hangs_and_only_to_that_one(node: Node) -> None:
    server(node, IDLE)
    node.put(policy())
    await node.scores.step()
    first, free = node.scanner._members, threading.Event()
    node.scanner.worker._timeout = 0.01
    with pytest.raises(StuckError):
        await node.scanner.worker.run(0, free.wait)
    assert await node.scanner.find_unchanged(list(node.tracker.planned)) == {}
    await node.scanner.keep_only(set(), set())
    assert node.scanner._members is first, "nothing runs on them"
    free.set()


async def test_files_that_a_look_hangs_on_are_not_used_by_the_next_one(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    server(node, IDLE)
    node.put(policy())
    await node.scores.step()
    first, free = node.scanner._members, threading.Event()
    monkeypatch.setattr(MemberFiles, "list", lambda *_: free.wait() and None)
    node.scanner.worker._timeout = 0.01
    assert await node.scanner.find_unchanged(list(node.tracker.planned)) == {}
    assert (first.abandoned, node.scanner._members.abandoned) == (True, False)
    free.set()
