"""Apply a score plan to the processes of a container, in rounds until none is left to change."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from oomwarden.core.enforcement.own_scores import OwnScore
from oomwarden.core.enforcement.plan import ProcessState, ScanOutcome, ScorePlan, classify
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.policy.process_rules import ProcessTarget, named_by
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import PartialPids, list_pids, open_container
from oomwarden.kernel.container.own_scores import OwnScoreScan
from oomwarden.kernel.proc.cmdline import CommandLines, SkippedProcessError
from oomwarden.kernel.proc.process import Process, ProcessGoneError, ProcRoot
from oomwarden.kernel.roots import HostRoots

MAX_ROUNDS = 16
"""Bounds the race against a container that forks constantly; the next scan continues."""
MAX_SECONDS = 1.0
"""Bounds a scan of very many processes. It is less than the worker's time-out, so that a call
which exceeds the time-out really hangs."""
BATCH_SIZE = 64
"""Processes that are open at the same time: read first, then checked against a new list and
changed."""


_Movable = tuple[Process, ProcessTarget | None, int | None]
"""An open process, the rule that matches it, and the score that it had of its own."""


@dataclass(slots=True)
class _Scan:
    """The state of one scan. Sets and dicts are by PID and reflect the last read of it.

    Attributes:
        plan: What to write, and over which scores.
        commands: Reads command lines.
        until: Monotonic time at which the scan stops.
        listing: Lists the container's processes.
        known: PIDs with the right value at the last scan; they are not read.
        found: State of each process.
        named: Processes that a rule matches.
        blank: Processes without a command line.
        failed: Errors of processes that could not be read or written.
        changed: Number of writes.
        late: Whether the time has run out.
        own: The scores that processes had of their own.
    """

    plan: ScorePlan
    commands: CommandLines
    until: float
    listing: Callable[[], list[int]]
    known: frozenset[int] = frozenset()
    found: dict[int, ProcessState] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    blank: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)
    changed: int = 0
    late: bool = False
    own: OwnScoreScan = field(init=False)

    def __post_init__(self) -> None:
        self.own = OwnScoreScan(self.plan)

    def round(self, proc: ProcRoot, live: Sequence[int]) -> bool:
        """Read and change processes until the time runs out. Return whether one was changed."""
        changed = self.changed
        # Reading a command line may take long. It must not delay the change of another process.
        size = 1 if self.plan.rules else BATCH_SIZE
        for begin in range(0, len(live), size):
            if self.late:
                break
            with ExitStack() as stack:
                self._change(self._open_movable(proc, live[begin : begin + size], stack))
        return self.changed != changed

    def _open_movable(
        self, proc: ProcRoot, live: Sequence[int], stack: ExitStack
    ) -> list[_Movable]:
        """Read processes, and keep those open that need a change."""
        movable = []
        for pid in live:
            if time.monotonic() > self.until:
                self.late = True
                break
            with self._recording_errors(pid), ExitStack() as mine:
                process = mine.enter_context(proc.open(pid))
                named, score = self._named(process), process.score()
                own = self.own.own_score(proc, process, score)
                self.found[pid] = self._record_state(process, score, named, own)
                if self.found[pid] is ProcessState.MOVABLE and not self._is_spent():
                    movable.append((process, named, own))
                    stack.push(mine.pop_all())
        return movable

    def _record_state(
        self, process: Process, score: int, named: ProcessTarget | None, own: int | None
    ) -> ProcessState:
        """Return the state of a process, and record or forget the score of its own."""
        found = classify(score, self.plan, named, own)
        if found is ProcessState.OWN and score not in self.plan.given:
            self.own.forget(process.pid)
        if found is ProcessState.MOVABLE and process.pid in self.own.chosen:
            if process.pid not in self.own.kept:
                return ProcessState.TOO_MANY
            return found if self.own.is_saved(process.pid) else ProcessState.UNSAVED
        if found is ProcessState.UNSAVED:
            kept = self.own.keep(process.pid, OwnScore(process.start_time(), score))
            return ProcessState.UNSAVED if kept else ProcessState.TOO_MANY
        return found

    def _change(self, movable: list[_Movable]) -> None:
        """Change the processes that the container still lists after they were opened.

        Since the first list, a PID may have been reused by a process of another container. A
        process that is listed after it was opened belongs to the container, or has exited, in
        which case the write fails.
        """
        listed = frozenset(self.listing()) if movable else frozenset()
        for process, named, own in movable:
            wanted = self.plan.wanted(named, own)
            if wanted is None or self._is_spent():
                continue
            with self._recording_errors(process.pid):
                if process.pid not in listed:
                    raise ProcessGoneError(str(process.pid))
                self._write(process, wanted, named, own)

    def _write(
        self, process: Process, wanted: int, named: ProcessTarget | None, own: int | None
    ) -> None:
        now = process.score()
        if classify(now, self.plan, named, own) is ProcessState.MOVABLE:
            now = process.write_score(wanted)
            self.changed += 1
        self.found[process.pid] = self._record_state(process, now, named, own)

    @contextmanager
    def _recording_errors(self, pid: int) -> Iterator[None]:
        """Record why a process could not be read or changed."""
        self.failed.pop(pid, None)
        try:
            yield
        except ProcessGoneError:
            self.found.pop(pid, None)
        except SkippedProcessError:
            self.found[pid] = ProcessState.STUCK
        except OSError as error:
            self.failed[pid] = f"{type(error).__name__}: {error.strerror}"

    def _is_spent(self) -> bool:
        return self.plan.most is not None and self.changed >= self.plan.most

    def _named(self, process: Process) -> ProcessTarget | None:
        if not self.plan.rules:
            return None
        text = self.commands.read(process)
        named = named_by(self.plan.rules, text)
        _note(self.blank, process.pid, belongs=not text)
        _note(self.named, process.pid, belongs=named is not None)
        return named

    def outcome(self, live: frozenset[int], *, complete: bool, unreached: bool) -> ScanOutcome:
        def count(kind: ProcessState) -> frozenset[int]:
            return frozenset(pid for pid, each in self.found.items() if each is kind) & live

        holding = count(ProcessState.HOLDS) | (self.known & live)
        held_back = len(count(ProcessState.MOVABLE)) if self._is_spent() else 0
        unsaved = len(count(ProcessState.UNSAVED))
        return ScanOutcome(
            target=self.plan.target,
            holding=holding,
            changed=self.changed,
            own=len(count(ProcessState.OWN)),
            failures=len(self.failed),
            failure=next(iter(self.failed.values()), ""),
            complete=complete and not held_back and not unsaved,
            rules=self.plan.rules,
            named=holding & self.named,
            blank=live & self.blank,
            stuck=count(ProcessState.STUCK),
            held_back=held_back,
            unsaved=unsaved,
            too_many=len(count(ProcessState.TOO_MANY)),
            to_keep=self.own.scores_to_keep(live, unreached=unreached),
            unreached=unreached,
        )


def _note(group: set[int], pid: int, *, belongs: bool) -> None:
    (group.add if belongs else group.discard)(pid)


def find_unchanged(
    root: CgroupRoot, containers: Sequence[tuple[Cgroup, frozenset[int]]]
) -> dict[int, frozenset[int]]:
    """Find the containers, by inode, that have no process besides the known ones.

    Containers that cannot be listed are omitted; `apply_plan` reports why.

    Args:
        root: The cgroup2 mount.
        containers: The containers, each with the PIDs known from the last scan.

    Returns:
        The current PIDs of each such container, by inode.
    """
    found: dict[int, frozenset[int]] = {}
    for cgroup, known in containers:
        with suppress(CgroupGoneError, OSError), open_container(root, cgroup) as directory:
            listed = list_pids(directory)
            live = frozenset(listed)
            if live <= known and not isinstance(listed, PartialPids):
                found[cgroup.inode] = live
    return found


def apply_plan(
    roots: HostRoots,
    cgroup: Cgroup,
    plan: ScorePlan,
    known: frozenset[int],
    commands: CommandLines | None = None,
) -> ScanOutcome:
    """Write the plan's score to every process of a container that has no score of its own.

    A child forked before its parent was changed has the old score, and appears in the list of the
    next round. So the scan ends with a round that finds no new process and changes none. Each
    round reads only the processes that earlier rounds have not read.

    Args:
        roots: The cgroup2 mount and the host's /proc.
        cgroup: The container's cgroup.
        plan: What to write, and over which scores.
        known: PIDs with the right value at the last scan. They are not read, unless the plan has
            rules, since command lines can change. They are read last, so that a scan that cannot
            reach all processes continues where the previous one stopped.
        commands: Reads the command lines that rules need; by default of all processes.

    Raises:
        CgroupGoneError: The container is gone.
        ScanAbandonedError: The caller has stopped waiting. Nothing was written since then.
    """
    with open_container(roots.cgroups, cgroup) as directory:
        first = list_pids(directory)
        live, unreached = frozenset(first), isinstance(first, PartialPids)
        if live <= known and not plan.rules and not plan.own:
            return ScanOutcome(plan.target, holding=live, unreached=unreached)
        until = time.monotonic() + MAX_SECONDS
        scan = _Scan(plan, commands or CommandLines(), until, partial(list_pids, directory))
        scan.own.record_chosen(roots.proc, first, until)
        scan.known = frozenset() if plan.rules or plan.own else known & live
        unread = live - scan.known
        for _ in range(MAX_ROUNDS):
            moved = scan.round(roots.proc, sorted(unread, key=lambda pid: (pid in known, pid)))
            if unreached and not scan.late:  # the next list would contain other processes
                return scan.outcome(live, complete=True, unreached=True)
            again = frozenset(list_pids(directory))
            if scan.late:
                break
            if not moved and again <= live:
                return scan.outcome(live, complete=True, unreached=unreached)
            if time.monotonic() > until:
                break
            live, unread = again, again - scan.found.keys() - scan.known
        return scan.outcome(live, complete=False, unreached=unreached)
