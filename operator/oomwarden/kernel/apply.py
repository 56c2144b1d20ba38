"""Carry out an order on a container's processes, round after round until nothing is left to do."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from oomwarden.core.facts import Cgroup
from oomwarden.core.plan import Found, Order, Outcome, classify
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot
from oomwarden.kernel.container_processes import held, pids
from oomwarden.kernel.process import ProcessGoneError, ProcRoot

MAX_ROUNDS = 16
"""Bounds the race against a container that forks all the time; the next scan goes on."""


@dataclass(slots=True)
class _Scan:
    """One scan's findings; what is known of a pid is what the last look at it found."""

    order: Order
    found: dict[int, Found] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    changed: int = 0

    def look(self, proc: ProcRoot, pid: int) -> bool:
        """Look at a process and change it if it is ours to change; tell whether it was."""
        self.failed.pop(pid, None)
        try:
            with proc.open(pid) as process:
                self.found[pid] = classify(process.score(), self.order)
                if self.found[pid] is not Found.MOVABLE:
                    return False
                self.found[pid] = classify(process.write_score(self.order.target), self.order)
        except ProcessGoneError:
            self.found.pop(pid, None)
            return False
        except OSError as error:
            self.failed[pid] = f"{type(error).__name__}: {error.strerror}"
            return False
        self.changed += 1
        return True

    def outcome(self, live: frozenset[int], *, complete: bool) -> Outcome:
        def count(kind: Found) -> frozenset[int]:
            return frozenset(pid for pid, each in self.found.items() if each is kind) & live

        return Outcome(
            target=self.order.target,
            holding=count(Found.HOLDS),
            changed=self.changed,
            own=len(count(Found.OWN)),
            starting=len(count(Found.STARTING)),
            failures=len(self.failed),
            failure=next(iter(self.failed.values()), ""),
            complete=complete,
        )


def unchanged(
    root: CgroupRoot, asked: Sequence[tuple[Cgroup, frozenset[int]]]
) -> dict[int, frozenset[int]]:
    """List the processes of many containers; give those, by inode, that have none but the known.

    One that cannot be listed is left out: `carry_out` says why.
    """
    found: dict[int, frozenset[int]] = {}
    for cgroup, known in asked:
        with suppress(CgroupGoneError, OSError), held(root, cgroup) as directory:
            live = frozenset(pids(directory))
            if live <= known:
                found[cgroup.inode] = live
    return found


def carry_out(
    root: CgroupRoot, proc: ProcRoot, cgroup: Cgroup, order: Order, known: frozenset[int]
) -> Outcome:
    """Give every process of a container the order's score, except those with one of their own.

    A child that was forked before its parent was changed has the old score and stands in the
    next round's list; so the last round is one that finds no new process and changes none.

    Args:
        root: The cgroup2 mount.
        proc: The host's /proc.
        cgroup: The container's.
        order: What to write, and over which scores.
        known: Pids that held the target at the last scan: when there are no others, nothing is
            read of them.

    Raises:
        CgroupGoneError: the container is gone.
    """
    with held(root, cgroup) as directory:
        live = frozenset(pids(directory))
        if live <= known:
            return Outcome(order.target, holding=live)
        scan = _Scan(order)
        for _ in range(MAX_ROUNDS):
            moved = [scan.look(proc, pid) for pid in sorted(live)]
            again = frozenset(pids(directory))
            if not any(moved) and again <= live:
                return scan.outcome(live, complete=True)
            live = again
        return scan.outcome(live, complete=False)
