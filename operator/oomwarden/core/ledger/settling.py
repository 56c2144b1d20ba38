"""When a pod is settled: its counters did not change for a while, and the log was read after that.

The kernel counts a kill before it prints it, and counts a group kill step by step. Times are
seconds of one monotonic clock; `after` and `before` are wall-clock seconds.
"""

from collections.abc import Callable

from msgspec import Struct, field

from oomwarden.core.model.cgroup import KillCounters

STILL_SECONDS = 0.1
CLOSE_SECONDS = 1.0
"""A pod whose counters never rest, as in a crash loop of processes, is settled once a second."""
GROUP_SECONDS = 30.0
GROUP_STILL_SECONDS = 10.0
"""A group kill prints between two increments: 16 ms at 115200 baud, 0.2 s on a console of 9600.

On shared processors or a shared console, more than 3 s passed between two increments.
"""
EMPTY_STILL_SECONDS = 3.0
"""In a container without processes no more kills follow, but the last one may not be read yet."""
IDLE_SECONDS = 20.0
"""Longest wait without news: detection sends a batch every 10 s anyway."""


class PendingKill(Struct):
    """A pod with unrecorded kills.

    Attributes:
        first: When its counters changed first.
        last: When its counters changed last.
        after: The kills happened after this time.
        before: The kills happened before this time.
        not_before: The pod is not settled before this time.
        group: Whether a group kill is among the kills.
        group_containers: Inodes of its containers that were found to be killed as a group.
        since: The kills were counted after this time of the monotonic clock.
        kills: Only of a level above the pods: how many of its kills nothing below it shows.
        rest: How many of these nothing has explained since `first`.
    """

    first: float
    last: float
    after: float
    before: float
    not_before: float = 0.0
    group: bool = False
    group_containers: set[int] = field(default_factory=set)
    since: float = 0.0
    kills: int = 0
    rest: int = 0

    def is_group(self, container: int, check: Callable[[], bool]) -> bool:
        """Return whether a container may be killed as a group; check until it is found to be."""
        if container not in self.group_containers and check():
            self.group_containers.add(container)
        return container in self.group_containers

    def is_in_progress(
        self, now: float, unrecorded: KillCounters, *, begun: bool, unfinished: bool, unread: bool
    ) -> bool:
        """Return whether more increments of the same kill may follow.

        A group kill raises `oom_kill` twice for its first victim, or once if that one was already
        dying (Linux mm/oom_kill.c, oom_kill_process). `oom_group_kill` rises between the two.

        Args:
            now: The current time.
            unrecorded: The pod's unrecorded counters.
            begun: Whether a container's counters show that the pod's will rise, or that its group
                kill is not yet counted as one.
            unfinished: Whether a group kill is not yet counted as one, or its container still has
                processes.
            unread: Whether the pod's counter rose again after `unfinished` was checked.
        """
        longest = GROUP_STILL_SECONDS if unfinished or unread else EMPTY_STILL_SECONDS
        if now - self.last > longest or now - self.first >= GROUP_SECONDS:
            return False
        if begun or unread:
            return True
        half = unrecorded.oom_kill < 2 * unrecorded.oom_group_kill
        return self.group and (half or unfinished)

    def due(self) -> float:
        """Return the time from which the pod may be settled."""
        longest = GROUP_SECONDS if self.group else CLOSE_SECONDS
        return max(min(self.last + STILL_SECONDS, self.first + longest), self.not_before)


class SettleQueue(Struct):
    """The pods, and levels above them, with unrecorded kills, by cgroup inode."""

    pods: dict[int, PendingKill] = field(default_factory=dict)

    def touch(
        self, pod: int, now: float, after: float, before: float, *, group: bool = False
    ) -> PendingKill:
        """Note that a pod's counters changed.

        Args:
            pod: Inode of the pod's cgroup.
            now: The current time.
            after: The kills happened after this time.
            before: The kills happened before this time.
            group: Whether a group kill is among them.
        """
        pending = self.pods.setdefault(pod, PendingKill(now, now, after, before))
        pending.last, pending.before, pending.group = now, before, pending.group or group
        return pending

    def due(self, now: float, log_from: float, is_ready: Callable[[int], bool]) -> list[int]:
        """Return the pods to settle now.

        Args:
            now: The current time.
            log_from: The log may not be read before this time; all pods wait for it and then share
                one read.
            is_ready: Whether a pod may be settled; if not, it is deferred.
        """
        resting = [pod for pod, pending in self.pods.items() if pending.due() <= now]
        ready = [pod for pod in resting if is_ready(pod)]
        for pod in set(resting) - set(ready):
            self.defer(pod, now)
        if log_from <= now:
            return ready
        for pod in ready:
            self.pods[pod].not_before = log_from
        return []

    def defer(self, pod: int, now: float) -> None:
        """Defer a pod: the longer it has waited, the longer it waits again."""
        pending = self.pods[pod]
        pending.not_before = now + max(STILL_SECONDS, (now - pending.first) / 8)

    def timeout(self, now: float) -> float:
        """Return the seconds until the next pod is due."""
        return max(
            min((pending.due() - now for pending in self.pods.values()), default=IDLE_SECONDS), 0
        )
