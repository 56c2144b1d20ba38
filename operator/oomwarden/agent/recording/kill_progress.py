"""Whether a kill is still being counted: a record that closes too early cuts one kill in two."""

from functools import partial

from msgspec import Struct

from oomwarden.core.ledger.account import Account
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.settling import PendingKill
from oomwarden.core.ledger.torn_reads import is_half_counted
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.group_kill import is_empty, is_killed_as_group, read_oom_kills


class KillProgress(Struct, frozen=True):
    """Compares what the ledger has read with what the kernel shows now."""

    ledger: Ledger
    cgroups: CgroupRoot

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
        is_group = partial(is_killed_as_group, self.cgroups)
        begun = [c for c in single if pending.is_group(c.inode, partial(is_group, c))]
        # A group kill that has begun is always counted as one, however late (oom_kill_process).
        unfinished = bool(begun) or not all(map(self._is_empty, groups))
        kills_groups = self._kills_groups()
        half = kills_groups and is_half_counted(pod, containers)
        # An agent that gets no processor time reads the last count seconds later. By then the
        # container may be removed, and no longer shows that it was killed as a group.
        cut = half or (kills_groups and any(map(self._is_empty, single)))
        unread = (pending.group or cut) and (
            read_oom_kills(self.cgroups, pod.cgroup) > pod.observed.oom_kill  # read last of all
        )
        return pending.is_in_progress(
            now,
            pod.unrecorded,
            begun=counted > pod.unrecorded.oom_kill or bool(begun) or half,
            unfinished=unfinished,
            unread=unread,
        )

    def _is_empty(self, cgroup: Cgroup) -> bool:
        return is_empty(self.cgroups, cgroup)

    def _kills_groups(self) -> bool:
        """Return whether the kubelet sets memory.oom.group, as far as a kill has shown it."""
        accounts = self.ledger.accounts.values()
        return any(
            one.observed.oom_group_kill > 0
            for one in accounts
            if one.cgroup.level is Level.KUBEPODS
        )
