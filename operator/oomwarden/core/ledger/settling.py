"""When a record closes: a pod's counters were still for a while and the log was read after that.

The kernel bumps before it prints, and a group kill goes up step by step. Times are seconds of
one monotonic clock; `after` and `before` are wall-clock seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from oomwarden.core.ledger.account import KillCounters

STILL_SECONDS = 0.1
CLOSE_SECONDS = 1.0
GROUP_SECONDS = 30.0
GROUP_STILL_SECONDS = 10.0
"""A group kill prints between two bumps: 16 ms at 115200 baud, 0.2 s on a console of 9600.

Where processors or the console were shared it stood still for more than 3 s.
"""
EMPTY_STILL_SECONDS = 3.0
"""A container without processes has nobody left to be counted, but its last count may be unread."""
IDLE_SECONDS = 5.0


@dataclass(slots=True)
class PendingKill:
    """A pod that owes kills: its first and last bump, and between when the kills lie.

    `groups`: its containers, by inode, that may be killed as groups, once somebody has looked.
    """

    first: float
    last: float
    after: float
    before: float
    not_before: float = 0.0
    group: bool = False
    groups: set[int] = field(default_factory=set)

    def is_group(self, container: int, look: Callable[[], bool]) -> bool:
        """Whether a container may be killed as a group; a look that found it is the last one."""
        if container not in self.groups and look():
            self.groups.add(container)
        return container in self.groups

    def is_in_progress(
        self, now: float, owed: KillCounters, *, begun: bool, populated: bool, unread: bool
    ) -> bool:
        """Whether more of a kill may come, by what the pod owes and its containers hold.

        A group kill bumps `oom_kill` twice for its first victim, or once if that was dying already
        (Linux mm/oom_kill.c, oom_kill_process); `oom_group_kill` rises between the two.

        Args:
            now: The present.
            owed: What the pod owes.
            begun: Whether a container's counters say that the pod's are to rise, or that its
                group kill is not counted as one yet.
            populated: Whether a container of a group kill holds processes.
            unread: Whether the pod's counter had risen further after that was looked at.
        """
        longest = GROUP_STILL_SECONDS if populated or unread else EMPTY_STILL_SECONDS
        if now - self.last > longest or now - self.first >= GROUP_SECONDS:
            return False
        if begun or unread:
            return True
        half = owed.oom_kill < 2 * owed.oom_group_kill
        return self.group and (half or populated)

    def due(self) -> float:
        """Give the time from which the pod may be settled."""
        longest = GROUP_SECONDS if self.group else CLOSE_SECONDS
        return max(min(self.last + STILL_SECONDS, self.first + longest), self.not_before)


@dataclass(slots=True)
class SettleQueue:
    """The pods, and levels above them, that owe kills, by cgroup inode."""

    pods: dict[int, PendingKill] = field(default_factory=dict)

    def touch(
        self, pod: int, now: float, after: float, before: float, *, group: bool = False
    ) -> None:
        """Note that a pod's counters moved; `group`: by a group kill among others."""
        owing = self.pods.setdefault(pod, PendingKill(now, now, after, before))
        owing.last, owing.before, owing.group = now, before, owing.group or group

    def due(self, now: float, log_from: float, nameable: Callable[[int], bool]) -> list[int]:
        """List the pods to settle now.

        A pod that nobody can name yet is asked for again. While the log may
        not be read before `log_from`, a pod waits for it until its own `CLOSE_SECONDS` are over.
        """
        still = [pod for pod, owing in self.pods.items() if owing.due() <= now]
        named = [pod for pod in still if nameable(pod)]
        for pod in set(still) - set(named):
            self.postpone(pod, now)
        if log_from <= now:
            return named
        late = [pod for pod in named if self.pods[pod].first + CLOSE_SECONDS <= now]
        for pod in set(named) - set(late):
            self.pods[pod].not_before = min(log_from, self.pods[pod].first + CLOSE_SECONDS)
        return late

    def postpone(self, pod: int, now: float) -> None:
        """Ask again later, and the more seldom the longer it takes."""
        owing = self.pods[pod]
        owing.not_before = now + max(STILL_SECONDS, (now - owing.first) / 8)

    def timeout(self, now: float) -> float:
        """Give the seconds until something falls due."""
        return max(
            min((owing.due() - now for owing in self.pods.values()), default=IDLE_SECONDS), 0
        )
