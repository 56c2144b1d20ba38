"""Whether a kill is still being counted: a record that closes too early cuts one kill in two."""

from dataclasses import dataclass
from functools import partial

from oomwarden.core.ledger.account import Account
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.settling import PendingKill
from oomwarden.core.ledger.torn_reads import is_half_counted
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.group_kill import is_empty, is_killed_as_group, read_oom_kills


@dataclass(frozen=True, slots=True)
class GroupKillProbe:
    """Reads, at the moment of the call, how far the kernel has got with a group kill."""

    cgroups: CgroupRoot

    def is_empty(self, cgroup: Cgroup) -> bool:
        """Return whether a container's cgroup holds no process any more."""
        return is_empty(self.cgroups, cgroup)

    def is_killed_as_group(self, cgroup: Cgroup) -> bool:
        """Return whether the kernel may kill a container as a group, and counts such kills."""
        return is_killed_as_group(self.cgroups, cgroup)

    def read_oom_kills(self, cgroup: Cgroup) -> int:
        """Return `oom_kill` of a cgroup's memory.events."""
        return read_oom_kills(self.cgroups, cgroup)


@dataclass(frozen=True, slots=True)
class KillProgress:
    """Compares what the ledger has read with what the kernel shows now."""

    ledger: Ledger
    probe: GroupKillProbe

    def is_in_progress(self, pod: Account, pending: PendingKill, now: float) -> bool:
        """Return whether more of a pod's kills is still to be counted or read.

        Args:
            pod: The pod's account.
            pending: When its counters moved.
            now: Event-loop time in seconds.
        """
        containers = self.ledger.children(pod.cgroup.inode)
        counted = sum(container.unrecorded.oom_kill for container in containers)
        struck = [c for c in containers if c.unrecorded.oom_kill > 0 and not c.gone]
        groups = [c.cgroup for c in struck if c.unrecorded.oom_group_kill > 0]
        single = [c.cgroup for c in struck if c.unrecorded.oom_group_kill <= 0]
        begun = [c for c in single if pending.is_group(c.inode, partial(self._is_group, c))]
        # A group kill that has begun is always counted as one, however late (oom_kill_process).
        unfinished = bool(begun) or not all(map(self.probe.is_empty, groups))
        half = self._kills_groups() and is_half_counted(pod, containers)
        unread = self._may_be_unread(pending, single, half=half) and (
            self.probe.read_oom_kills(pod.cgroup) > pod.observed.oom_kill  # read last of all
        )
        return pending.is_in_progress(
            now,
            pod.unrecorded,
            begun=counted > pod.unrecorded.oom_kill or bool(begun) or half,
            unfinished=unfinished,
            unread=unread,
        )

    def _is_group(self, cgroup: Cgroup) -> bool:
        return self.probe.is_killed_as_group(cgroup)

    def _may_be_unread(self, pending: PendingKill, single: list[Cgroup], *, half: bool) -> bool:
        """Return whether the last count of a group kill may not have been read yet.

        An agent that gets no processor time reads it seconds later. By then the container may be
        removed, so that its own files no longer show that it was killed as a group.
        """
        if pending.group or half:
            return True
        return self._kills_groups() and any(map(self.probe.is_empty, single))

    def _kills_groups(self) -> bool:
        """Return whether the kubelet sets memory.oom.group, as far as a kill has shown it."""
        accounts = self.ledger.accounts.values()
        return any(
            one.observed.oom_group_kill > 0
            for one in accounts
            if one.cgroup.level is Level.KUBEPODS
        )
