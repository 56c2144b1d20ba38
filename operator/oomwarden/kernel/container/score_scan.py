"""One scan of a container: reads the scores of its processes and changes those that need it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from oomwarden.core.enforcement.own_scores import OwnScore
from oomwarden.core.enforcement.plan import ProcessState, ScanOutcome, ScorePlan, classify
from oomwarden.core.policy.process_rules import ProcessTarget, matching_rule
from oomwarden.kernel.container.own_scores import OwnScoreScan
from oomwarden.kernel.proc.cmdline import CommandLines, SkippedProcessError
from oomwarden.kernel.proc.process import Process, ProcessGoneError, ProcRoot

BATCH_SIZE = 64
"""Processes that are open at the same time: read first, then checked against a new list and
changed."""

_Movable = tuple[Process, ProcessTarget | None, int | None]
"""An open process, the rule that matches it, and the score that it had of its own."""


@dataclass(slots=True)
class ScoreScan:
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
        written: Processes that were written to.
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
    written: set[int] = field(default_factory=set)
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
        if found is ProcessState.OWN and score not in self.plan.assigned:
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
            wanted = self.plan.score_for(named, own)
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
            self.written.add(process.pid)
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
        return self.plan.max_changes is not None and self.changed >= self.plan.max_changes

    def _named(self, process: Process) -> ProcessTarget | None:
        if not self.plan.rules:
            return None
        text = self.commands.read(process)
        named = matching_rule(self.plan.rules, text)
        _note(self.blank, process.pid, belongs=not text)
        _note(self.named, process.pid, belongs=named is not None)
        return named

    def outcome(self, live: frozenset[int], *, complete: bool, unreached: bool) -> ScanOutcome:
        """Summarize the scan.

        Args:
            live: The last list of the container's PIDs.
            complete: Whether the rounds ended because there was nothing left to do.
            unreached: Whether the container may have more processes than could be listed.
        """

        def count(kind: ProcessState) -> frozenset[int]:
            return frozenset(pid for pid, each in self.found.items() if each is kind) & live

        holding = count(ProcessState.HOLDS) | (self.known & live)
        held_back = len(count(ProcessState.MOVABLE)) if self._is_spent() else 0
        unsaved = len(count(ProcessState.UNSAVED))
        return ScanOutcome(
            target=self.plan.target,
            in_effect=holding,
            changed=self.changed,
            written=frozenset(self.written),
            own=len(count(ProcessState.OWN)),
            failures=len(self.failed),
            failure=next(iter(self.failed.values()), ""),
            complete=complete and not held_back and not unsaved,
            rules=self.plan.rules,
            rule_matched=holding & self.named,
            without_command=live & self.blank,
            stuck=count(ProcessState.STUCK),
            rate_limited=held_back,
            unsaved=unsaved,
            too_many=len(count(ProcessState.TOO_MANY)),
            own_scores=self.own.scores_to_keep(live, unreached=unreached),
            cgroups_skipped=unreached,
        )


def _note(group: set[int], pid: int, *, belongs: bool) -> None:
    (group.add if belongs else group.discard)(pid)
