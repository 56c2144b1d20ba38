"""The event handler of the pods' watch: keeps the inventory's pods up to date."""

import time
from collections.abc import Callable

from msgspec import Struct, field

from oomwarden.agent.informers.inventory import Inventory
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.pods.static_pods import MirrorPods

MAX_DELETED = 128
DELETED_SECONDS = 600.0
"""How long a deleted pod's facts are kept once it has no container: no kill waits longer for its
record."""
_UNCONFIRMED = (
    "it claims to be the mirror of a static pod, but the kubelet does not confirm this pod alone"
)


class PodEventHandler(Struct):
    """Applies watch events; keeps a deleted pod's facts for a while, for its last kills.

    Most events change nothing that is read of a pod, such as its readiness or a container's start
    time. They change nothing here: equal facts stay the same object.
    """

    inventory: Inventory
    appeared: Callable[[], None]
    """Called after pods were listed with a change, and when there is a new one."""
    changed: Callable[[], None]
    """Called after each other change of facts, and after a pod was deleted."""
    observe: Callable[[Manifest], None]
    """Called with each Pod that can be read, as the API server sent it."""
    unreadable: UnreadableObjects
    """Gets the pods that cannot be read, or only in part."""
    mirrors: MirrorPods = field(default_factory=MirrorPods)
    clock: Callable[[], float] = time.monotonic
    _deleted_at: dict[str, float] = field(default_factory=dict)

    def replace(self, objects: list[Manifest]) -> None:
        """Replace all pods."""
        read = {id(each): facts for each in objects if (facts := self._read(each)) is not None}
        before, was_synced = dict(self.inventory.pods), self.inventory.synced
        self.inventory.pods.clear()
        self.mirrors.forget_all()
        for facts in read.values():
            known = before.get(facts.cgroup_uid)
            self._add(known if known == facts else facts)
        for uid in before.keys() - self.inventory.pods.keys():
            self._keep_deleted(before[uid])
        self.inventory.synced = True
        for each in objects:
            if id(each) in read:
                self.observe(each)
        if not was_synced or before != self.inventory.pods:
            self._notify(self.appeared)

    def apply(self, manifest: Manifest) -> None:
        """Apply a new or changed pod."""
        if (facts := self._read(manifest)) is None:
            return
        self.observe(manifest)
        if not self._is_known(facts):
            is_new = facts.cgroup_uid not in self.inventory.pods
            self._add(facts)
            self._notify(self.appeared if is_new else self.changed)

    def delete(self, manifest: Manifest) -> None:
        """Remove a deleted pod, but not another pod that is stored under its UID."""
        if (facts := self._read(manifest)) is not None:
            self.observe(manifest)
            self._remove(facts)
            self._notify(self.changed)
        self.unreadable.discard("Pod", manifest)

    def _read(self, manifest: Manifest) -> PodFacts | None:
        try:
            facts = pod_facts(manifest)
        except ValueError as error:
            self.unreadable.add("Pod", manifest, error)
            return None
        if facts.unreadable:
            self.unreadable.add("Pod", manifest, facts.unreadable)
        else:
            self.unreadable.discard("Pod", manifest)
        return facts

    def _is_known(self, facts: PodFacts) -> bool:
        claims = facts.cgroup_uid if facts.is_static else None
        same = self.inventory.pods.get(facts.cgroup_uid) == facts
        return same and self.mirrors.claim_of(facts.uid) == claims

    def _add(self, facts: PodFacts) -> None:
        if facts.is_static:
            self._resolve_mirrors(self.mirrors.claim(facts), facts)
        else:
            self._resolve_mirrors(self.mirrors.withdraw(facts.uid))
            self.inventory.pods[facts.cgroup_uid] = facts

    def _remove(self, facts: PodFacts) -> None:
        for uid in {facts.cgroup_uid, self.mirrors.claim_of(facts.uid) or facts.cgroup_uid}:
            stored = self.inventory.pods.get(uid)
            if stored is not None and stored.uid == facts.uid:
                del self.inventory.pods[uid]
                self._keep_deleted(stored)
        self._resolve_mirrors(self.mirrors.withdraw(facts.uid))

    def _resolve_mirrors(self, changed: set[str], by: PodFacts | None = None) -> None:
        """Choose one mirror pod per static pod; it never replaces a Pod that has the UID itself.

        Only the pod that caused the change and the mirrors chosen before and now are reported:
        thousands of pods may claim the same UID.
        """
        for claimed in changed:
            stored = self.inventory.pods.get(claimed)
            if stored is not None and not stored.is_static:
                continue
            found = self.mirrors.resolve(claimed)
            if found is not None:
                self.inventory.pods[claimed] = found
            elif stored is not None:
                del self.inventory.pods[claimed]
            for each in filter(None, (stored, by, found)):
                if self.mirrors.claim_of(each.uid) == claimed:
                    self._report_mirror(each, believed=found is not None and found.uid == each.uid)

    def _report_mirror(self, mirror: PodFacts, *, believed: bool) -> None:
        manifest = {"metadata": {"name": mirror.name, "namespace": mirror.namespace}}
        if not believed:
            self.unreadable.add("Pod", manifest, _UNCONFIRMED)
        elif not mirror.unreadable:
            self.unreadable.discard("Pod", manifest)

    def _keep_deleted(self, facts: PodFacts) -> None:
        self.inventory.deleted[facts.cgroup_uid] = facts
        self._deleted_at.pop(facts.cgroup_uid, None)

    def _forget_deleted(self) -> None:
        """Forget those beyond the bounds without a live container.

        Those of an earlier agent count from now.
        """
        deleted, now = self.inventory.deleted, self.clock()
        times = self._deleted_at = {uid: self._deleted_at.get(uid, now) for uid in deleted}
        old = [uid for uid, at in times.items() if now - at > DELETED_SECONDS]
        old += list(deleted)[: max(len(deleted) - MAX_DELETED, 0)]
        live = {each.cgroup.pod_uid for each in self.inventory.containers.values()} if old else ()
        for uid in old:
            if uid not in live:
                deleted.pop(uid, None)

    def _notify(self, who: Callable[[], None]) -> None:
        self._forget_deleted()
        self.inventory.version += 1
        self.inventory.appeared.set()
        who()
