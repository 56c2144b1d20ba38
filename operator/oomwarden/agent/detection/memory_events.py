"""Counts the events in memory.events, by container."""

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.core.incidents.memory_events import EventCounts, MemoryEventCounts, Rise
from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import Level, MemoryEvents


class MemoryEventMonitor(Struct):
    """Knows which container the counters of a cgroup belong to.

    Attributes:
        inventory: The containers of this node.
        accounts: All tracked cgroups, by inode.
        counted: Called with the events of each round.
    """

    inventory: Inventory
    accounts: Mapping[int, Account]
    counted: Callable[[EventCounts], None]
    _counts: MemoryEventCounts = field(default_factory=MemoryEventCounts)

    def observe(self, events: Mapping[int, MemoryEvents], is_live: Callable[[int], bool]) -> None:
        """Count what rose in the pods that were read.

        Args:
            events: Counters of pods and their containers, by cgroup inode; a pod comes first.
            is_live: Returns whether a cgroup still exists.
        """
        pods = [self.accounts[inode] for inode in events if self._is_pod(inode)]
        for pod in pods:
            self.counted(self._of_pod(pod, events))
        if pods:
            self._counts.forget(is_live, self._pods().__contains__)

    def _is_pod(self, inode: int) -> bool:
        account = self.accounts.get(inode)
        return account is not None and account.cgroup.level is Level.POD

    def _pods(self) -> set[str | None]:
        return {each.cgroup.pod_uid for each in self.accounts.values()}

    def _of_pod(self, pod: Account, events: Mapping[int, MemoryEvents]) -> EventCounts:
        uid, containers = pod.cgroup.pod_uid or "", self.inventory.containers.values()
        below = [each for each in containers if each.cgroup.pod_uid == pod.cgroup.pod_uid]
        is_new = not any(each.existed for each in below)
        inode = pod.cgroup.inode
        rose = self._counts.rise(inode, events[inode], is_new=is_new)
        named = {each.name: self._rise(each, events) for each in below if each.name}
        return self._counts.attribute(uid, rose, named or self._only(pod))

    def _only(self, pod: Account) -> dict[str, Rise]:
        """Return the pod's only container, which does not run now, as in a crash loop."""
        facts = self.inventory.pod(pod.cgroup)
        if facts is None or len(facts.containers) != 1:
            return {}
        return {facts.containers[0].name: {}}

    def _rise(self, container: Container, events: Mapping[int, MemoryEvents]) -> Rise:
        inode, is_new = container.cgroup.inode, not container.existed
        return self._counts.rise(inode, events.get(inode, {}), is_new=is_new)
