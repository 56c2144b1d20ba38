"""Carry out an order on a container's processes, round after round until nothing is left to do."""

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
from oomwarden.kernel.cgroup.members import PartOfPids, held, pids
from oomwarden.kernel.container.own_scores import OwnScoresOf
from oomwarden.kernel.proc.cmdline import CommandLines, LeftOutError
from oomwarden.kernel.proc.process import Process, ProcessGoneError, ProcRoot
from oomwarden.kernel.roots import HostRoots

MAX_ROUNDS = 16
"""Bounds the race against a container that forks all the time; the next scan goes on."""
MAX_SECONDS = 1.0
"""Bounds a scan of very many processes. Less than the worker's patience, so that a call which
takes longer than that is one that hangs."""
HELD_AT_ONCE = 64
"""Descriptors of processes that are looked at before the list is read again and they change."""


_Movable = tuple[Process, ProcessTarget | None, int | None]
"""A held process, the rule that names it, and the score of its own that it had."""


@dataclass(slots=True)
class _Scan:
    """One scan's findings; what is known of a pid is what the last look at it found.

    `listing` gives the container's processes at that moment; `known` are not looked at.
    """

    order: ScorePlan
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
    own: OwnScoresOf = field(init=False)

    def __post_init__(self) -> None:
        self.own = OwnScoresOf(self.order)

    def round(self, proc: ProcRoot, live: Sequence[int]) -> bool:
        """Look at all processes, as long as there is time; tell whether one was changed."""
        changed = self.changed
        # A command line may be long in coming: nobody else's change waits for it.
        at_once = 1 if self.order.rules else HELD_AT_ONCE
        for begin in range(0, len(live), at_once):
            if self.late:
                break
            with ExitStack() as stack:
                self._change(self._hold(proc, live[begin : begin + at_once], stack))
        return self.changed != changed

    def _hold(self, proc: ProcRoot, live: Sequence[int], stack: ExitStack) -> list[_Movable]:
        """Look at processes; hold those that are ours to change."""
        movable = []
        for pid in live:
            if time.monotonic() > self.until:
                self.late = True
                break
            with self._noting(pid), ExitStack() as mine:
                process = mine.enter_context(proc.open(pid))
                named, score = self._named(process), process.score()
                own = self.own.of(proc, process, score)
                self.found[pid] = self._noted(process, score, named, own)
                if self.found[pid] is ProcessState.MOVABLE and not self._is_spent():
                    movable.append((process, named, own))
                    stack.push(mine.pop_all())
        return movable

    def _noted(
        self, process: Process, score: int, named: ProcessTarget | None, own: int | None
    ) -> ProcessState:
        """Tell what a process is, and note what is to be kept of a score of its own."""
        found = classify(score, self.order, named, own)
        if found is ProcessState.OWN and score not in self.order.given:
            self.own.forget(process.pid)
        if found is ProcessState.MOVABLE and process.pid in self.own.chosen:
            if process.pid not in self.own.kept:
                return ProcessState.TOO_MANY
            return found if self.own.is_saved(process.pid) else ProcessState.UNSAVED
        if found is ProcessState.UNSAVED:
            kept = self.own.keep(process.pid, OwnScore(process.start(), score))
            return ProcessState.UNSAVED if kept else ProcessState.TOO_MANY
        return found

    def _change(self, movable: list[_Movable]) -> None:
        """Change those that are in the container's list even now that they are held.

        Since the first list a pid may have gone to a process of another container. One that is
        held and listed after that is the container's, or dead, and then takes no write.
        """
        listed = frozenset(self.listing()) if movable else frozenset()
        for process, named, own in movable:
            wanted = self.order.wanted(named, own)
            if wanted is None or self._is_spent():
                continue
            with self._noting(process.pid):
                if process.pid not in listed:
                    raise ProcessGoneError(str(process.pid))
                self._write(process, wanted, named, own)

    def _write(
        self, process: Process, wanted: int, named: ProcessTarget | None, own: int | None
    ) -> None:
        now = process.score()
        if classify(now, self.order, named, own) is ProcessState.MOVABLE:
            now = process.write_score(wanted)
            self.changed += 1
        self.found[process.pid] = self._noted(process, now, named, own)

    @contextmanager
    def _noting(self, pid: int) -> Iterator[None]:
        """Note what came of a process that cannot be looked at or changed."""
        self.failed.pop(pid, None)
        try:
            yield
        except ProcessGoneError:
            self.found.pop(pid, None)
        except LeftOutError:
            self.found[pid] = ProcessState.STUCK
        except OSError as error:
            self.failed[pid] = f"{type(error).__name__}: {error.strerror}"

    def _is_spent(self) -> bool:
        return self.order.most is not None and self.changed >= self.order.most

    def _named(self, process: Process) -> ProcessTarget | None:
        if not self.order.rules:
            return None
        text = self.commands.of(process)
        named = named_by(self.order.rules, text)
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
            target=self.order.target,
            holding=holding,
            changed=self.changed,
            own=len(count(ProcessState.OWN)),
            failures=len(self.failed),
            failure=next(iter(self.failed.values()), ""),
            complete=complete and not held_back and not unsaved,
            rules=self.order.rules,
            named=holding & self.named,
            blank=live & self.blank,
            stuck=count(ProcessState.STUCK),
            held_back=held_back,
            unsaved=unsaved,
            too_many=len(count(ProcessState.TOO_MANY)),
            to_keep=self.own.to_keep(live, unreached=unreached),
            unreached=unreached,
        )


def _note(group: set[int], pid: int, *, belongs: bool) -> None:
    (group.add if belongs else group.discard)(pid)


def unchanged(
    root: CgroupRoot, asked: Sequence[tuple[Cgroup, frozenset[int]]]
) -> dict[int, frozenset[int]]:
    """List the processes of many containers; give those, by inode, that have none but the known.

    One that cannot be listed is left out: `carry_out` says why.
    """
    found: dict[int, frozenset[int]] = {}
    for cgroup, known in asked:
        with suppress(CgroupGoneError, OSError), held(root, cgroup) as directory:
            listed = pids(directory)
            live = frozenset(listed)
            if live <= known and not isinstance(listed, PartOfPids):
                found[cgroup.inode] = live
    return found


def apply_plan(
    places: HostRoots,
    cgroup: Cgroup,
    order: ScorePlan,
    known: frozenset[int],
    commands: CommandLines | None = None,
) -> ScanOutcome:
    """Give every process of a container the order's score, except those with one of their own.

    A child that was forked before its parent was changed has the old score and stands in the
    next round's list; so the last round is one that finds no new process and changes none. Each
    round looks at what the ones before have not seen.

    Args:
        places: The cgroup2 mount and the host's /proc.
        cgroup: The container's.
        order: What to write, and over which scores.
        known: Pids that held the right value at the last scan. Nothing is read of them; but with
            rules all are, as a command line can change. They come last, so that a scan which cannot
            reach all goes on where the one before has ended.
        commands: Reads the command lines that rules need, of all processes when None.

    Raises:
        CgroupGoneError: the container is gone.
        AbandonedError: nobody waits for this scan any more; nothing was written since.
    """
    with held(places.cgroups, cgroup) as directory:
        first = pids(directory)
        live, unreached = frozenset(first), isinstance(first, PartOfPids)
        if live <= known and not order.rules and not order.own:
            return ScanOutcome(order.target, holding=live, unreached=unreached)
        until = time.monotonic() + MAX_SECONDS
        scan = _Scan(order, commands or CommandLines(), until, partial(pids, directory))
        scan.own.look(places.proc, first, until)
        scan.known = frozenset() if order.rules or order.own else known & live
        look = live - scan.known
        for _ in range(MAX_ROUNDS):
            moved = scan.round(places.proc, sorted(look, key=lambda pid: (pid in known, pid)))
            if unreached and not scan.late:  # the next list would be of another part
                return scan.outcome(live, complete=True, unreached=True)
            again = frozenset(pids(directory))
            if scan.late:
                break
            if not moved and again <= live:
                return scan.outcome(live, complete=True, unreached=unreached)
            if time.monotonic() > until:
                break
            live, look = again, again - scan.found.keys() - scan.known
        return scan.outcome(live, complete=False, unreached=unreached)
