"""Settling: unrecorded kills become incidents, with what inventory and kernel log know."""

import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.agent.detection.kernel_log import KernelLogReader
from oomwarden.agent.detection.memory_sampler import timeline_before
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.core.incidents.cause import PodLimits
from oomwarden.core.incidents.incident import Incident, PodSnapshot, investigate
from oomwarden.core.incidents.largest_part import PodMemory
from oomwarden.core.incidents.memory_history import UsageDetail
from oomwarden.core.incidents.record_context import GoverningPolicy, RecordContext
from oomwarden.core.incidents.unread_pod import has_own_limit, unread_snapshot
from oomwarden.core.ledger.account import Account, CounterRange
from oomwarden.core.ledger.attribution import count_incidents
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.log_evidence import evidence_below
from oomwarden.core.ledger.settle_limits import SettleLimits
from oomwarden.core.ledger.settling import PendingKill
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.model.pod import PodFacts

MAX_OTHERS = 16
"""Containers of a pod whose memory is read beside the one that was killed."""


class Nesting(Protocol):
    """Knows whether the node is itself a container, as those of kind are."""

    @property
    def nested(self) -> bool:
        """Whether limits above kubepods may be another cgroup's, not the machine's."""


class NodeIdentity(Struct, frozen=True):
    """Which node and boot this is, and the pods in which the agents of this boot ran."""

    node: str
    boot_id: str
    nesting: Nesting
    agents: tuple[PodFacts, ...] = ()


class Settler(Struct):
    """Settles pods and the levels above them.

    Attributes:
        identity: This node and its boot.
        policy_of: Returns the policy that governs a container's cgroup, by inode.
        usage_of: Reads what a cgroup's memory consists of now; None once it is removed.
        removed: Containers that were removed, until their pod has no unrecorded kill.
    """

    identity: NodeIdentity
    ledger: Ledger
    inventory: Inventory
    log: KernelLogReader
    policy_of: Callable[[int], GoverningPolicy | None]
    usage_of: Callable[[Cgroup], UsageDetail | None]
    removed: dict[int, Container] = field(default_factory=dict)
    _pods_without_own_oom: set[int] = field(default_factory=set)
    _rebuilt_pods: set[int] = field(default_factory=set)

    def begin_round(self) -> None:
        """Note which pods hit no limit of their own, before the first of them is settled."""
        pods = (a for a in self.ledger.accounts.values() if a.cgroup.level is Level.POD)
        self._pods_without_own_oom = {
            a.cgroup.inode for a in pods if a.has_unrecorded and a.unrecorded.oom <= 0
        }

    def mark_rebuilt(self, pods: AbstractSet[int]) -> None:
        """Note the pods, by inode, whose accounts were rebuilt: what rose before is not known."""
        self._rebuilt_pods = set(pods)

    def settle_pod(
        self, inode: int, pending: PendingKill, *, complete: bool = True
    ) -> tuple[list[Incident], int]:
        """Settle a pod.

        Args:
            inode: The pod's cgroup.
            pending: When its counters moved.
            complete: Whether the ledger knows every container that there was.

        Returns:
            The incidents, and how many others are of a pod that is not known.
        """
        account = self.ledger.accounts[inode]
        rose, above, limits = account.unrecorded, self._above(account), self._limits(account)
        seen = evidence_below(account.cgroup, self.log.unclaimed())
        complete, account.is_ambiguous = complete and not account.is_ambiguous, False
        ranges = self.ledger.settle_pod(inode, seen, complete=complete)
        facts = self.inventory.pod(account.cgroup)
        if facts is None:
            return [], count_incidents(ranges)
        if rose.oom == 0:
            self.ledger.record_oom_above(inode, count_incidents(ranges))
        snapshot = PodSnapshot(
            pod=facts,
            increments=rose,
            above=above,
            limits=limits,
            complete=complete,
            is_only_candidate=not self._pods_without_own_oom - {inode},
            is_rebuilt=inode in self._rebuilt_pods,
        )
        self._rebuilt_pods.discard(inode)
        seen_now = self.usage_of(account.cgroup) if ranges and rose.oom > 0 else None
        incidents = []
        for counted in ranges:
            left = None if seen_now is None else self._left(seen_now, counted, inode)
            incidents.append(
                self._build_incident(counted, replace(snapshot, pod_memory=left), pending)
            )
        return incidents, 0

    def _left(self, seen: UsageDetail, counted: CounterRange, pod: int) -> PodMemory:
        """Separate tmpfs that stays with the pod from shared memory of containers that go on."""
        if seen.composition is None or seen.composition.shmem == 0:
            return PodMemory(seen)
        own = counted.container.inode if counted.container else None
        live = [child.cgroup for child in self.ledger.children(pod) if not child.gone]
        others = [cgroup for cgroup in live if cgroup.inode != own][:MAX_OTHERS]
        on = [cgroup for cgroup in live if cgroup.inode == own and not counted.group_kills]
        return PodMemory(seen, self._shmem(others), self._shmem(on))

    def _shmem(self, cgroups: list[Cgroup]) -> int:
        found = [each.composition for each in map(self.usage_of, cgroups) if each is not None]
        return sum(kinds.shmem for kinds in found if kinds is not None)

    def settle_level(
        self,
        inode: int,
        pending: PendingKill,
        *,
        complete: bool = True,
        limits: SettleLimits | None = None,
    ) -> tuple[list[Incident], int]:
        """Settle a QoS class or kubepods: kills of pods that were removed before they were read."""
        incidents: list[Incident] = []
        unattributed = 0
        seen = evidence_below(self.ledger.accounts[inode].cgroup, self.log.unclaimed())
        found = self.ledger.settle_level(inode, seen, complete=complete, limits=limits)
        for counted in found:
            facts = self.inventory.pod(counted.pod) if counted.pod else None
            if facts is None:
                unattributed += count_incidents([counted])
                continue
            incidents.append(
                self._build_incident(counted, unread_snapshot(facts, complete=complete), pending)
            )
        return incidents, unattributed

    def gap_incident(self, counted: CounterRange) -> Incident | None:
        """Return kills whose record was lost with an earlier store; None: the pod is not known."""
        facts = self.inventory.pod(counted.pod) if counted.pod else None
        if facts is None:
            return None
        return self._build_incident(
            counted, unread_snapshot(facts, complete=False), PendingKill(0, 0, 0, time.time())
        )

    def all_pods_known(self, level: int) -> bool:
        """Return whether the API server has listed every pod that the log names below a level."""
        seen = evidence_below(self.ledger.accounts[level].cgroup, self.log.unclaimed())
        return all(self.inventory.pod(one.pod) is not None for one in seen)

    def _build_incident(
        self, counted: CounterRange, snapshot: PodSnapshot, pending: PendingKill
    ) -> Incident:
        memory = timeline_before(self._known(counted.container), counted.container, pending.before)
        snapshot = self._with_what_is_known(snapshot, counted)
        snapshot = replace(snapshot, last_detail=memory.detail if memory else None)
        policy = self.policy_of(counted.container.inode) if counted.container else None
        node, boot = self.identity.node, self.identity.boot_id
        after, before = pending.after or None, pending.before
        reference, lowers = policy or (None, False)
        context = RecordContext(node, boot, after, before, reference, memory, is_protected=lowers)
        incident = investigate(counted, snapshot, context)
        self.log.claim(list(incident.log))
        return incident

    def _with_what_is_known(self, snapshot: PodSnapshot, counted: CounterRange) -> PodSnapshot:
        cgroups = [each for each in (counted.container, *counted.candidates) if each is not None]
        names = {each.inode: name for each in cgroups if (name := self.name(each.inode))}
        top = next((a for a in self.ledger.accounts.values() if a.parent is None), None)
        return replace(
            snapshot,
            names=names,
            log=self.log.unclaimed(),
            kubepods_limit=top.limit if top else None,
            nested=self.identity.nesting.nested,
        )

    def _known(self, cgroup: Cgroup | None) -> list[Container]:
        """Return the container of a cgroup; if only the log names the cgroup, all of them."""
        inode = cgroup.inode if cgroup else 0
        known = self.removed.get(inode) or self.inventory.containers.get(inode)
        every = (*self.removed.values(), *self.inventory.containers.values())
        return [known] if known and known.memory else list(every)

    def name(self, inode: int) -> str | None:
        """Return the name of a live or just removed container."""
        known = self.inventory.containers.get(inode) or self.removed.get(inode)
        return known.name if known else None

    def all_named(self, pod: int) -> bool:
        """Return whether every container of the pod with unrecorded kills has a name."""
        unrecorded = [child.cgroup for child in self.ledger.children(pod) if child.has_unrecorded]
        return all(
            self.name(each.inode) is not None or self._is_listed(each) for each in unrecorded
        )

    def _is_listed(self, cgroup: Cgroup) -> bool:
        pod = self.inventory.pod(cgroup)
        return pod is not None and any(
            cgroup.container_id in {known.container_id, known.previous_id}
            for known in pod.containers
        )

    def remove(self, cgroup: Cgroup) -> None:
        """Move a container that was removed out of the inventory, and keep what is known of it."""
        container = self.inventory.remove(cgroup)
        if container is not None:
            self.removed[cgroup.inode] = container

    def _above(self, account: Account) -> tuple[KillCounters, ...]:
        levels: list[KillCounters] = []
        parent = account.parent
        while parent is not None:
            levels.append(self.ledger.accounts[parent].unrecorded)
            parent = self.ledger.accounts[parent].parent
        return tuple(levels)

    def _limits(self, pod: Account) -> PodLimits:
        """Return the pod's limits; the pause container, which has none, does not count."""
        facts = self.inventory.pod(pod.cgroup)
        of_pod = facts is not None and has_own_limit(facts)
        if facts is not None and len(facts.containers) == 1:
            return PodLimits(pod.limit, (pod.limit,), has_own_limit=of_pod)
        children = self.ledger.children(pod.cgroup.inode)
        named = [child for child in children if self.name(child.cgroup.inode) is not None]
        return PodLimits(pod.limit, tuple(child.limit for child in named), has_own_limit=of_pod)
