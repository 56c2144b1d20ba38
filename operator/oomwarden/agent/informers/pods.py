"""The pods of this node, as the watch tells them, into the inventory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.agent.informers.inventory import Inventory
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.objects.passed_over import UnreadableObjects
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.pods.static_pods import Mirrors

KEEP_DELETED = 256
_UNCONFIRMED = (
    "it says that it is the mirror of a static pod, and the kubelet does not confirm this one alone"
)

Manifest = dict[str, Any]


@dataclass(slots=True)
class PodEventHandler:
    """Keeps a deleted pod's facts for a while: its last kills may still be on their way.

    `seen` is called with each Pod as it was told, where it can be read. One that cannot, or not
    wholly, is noted in `passed_over`.
    """

    inventory: Inventory
    changed: Callable[[], None]
    seen: Callable[[Manifest], None]
    passed_over: UnreadableObjects = field(default_factory=UnreadableObjects)
    mirrors: Mirrors = field(default_factory=Mirrors)

    def replace(self, objects: list[Manifest]) -> None:
        """Take these pods for all there are."""
        read = {id(each): facts for each in objects if (facts := self._read(each)) is not None}
        before = dict(self.inventory.pods)
        self.inventory.pods.clear()
        self.mirrors.forget_all()
        for facts in read.values():
            self._take(facts)
        for uid in before.keys() - self.inventory.pods.keys():
            self._keep(before[uid])
        self.inventory.synced = True
        self._tell(*(each for each in objects if id(each) in read))

    def apply(self, manifest: Manifest) -> None:
        """Take a new or changed pod."""
        if (facts := self._read(manifest)) is not None:
            self._take(facts)
            self._tell(manifest)

    def delete(self, manifest: Manifest) -> None:
        """Take a pod out; of what stands under its UID only what is its own."""
        if (facts := self._read(manifest)) is not None:
            self._drop(facts)
            self._tell(manifest)
        self.passed_over.clear("Pod", manifest)

    def _read(self, manifest: Manifest) -> PodFacts | None:
        try:
            facts = pod_facts(manifest)
        except ValueError as error:
            self.passed_over.note("Pod", manifest, error)
            return None
        if facts.odd:
            self.passed_over.note("Pod", manifest, facts.odd)
        else:
            self.passed_over.clear("Pod", manifest)
        return facts

    def _take(self, facts: PodFacts) -> None:
        if facts.is_static:
            self._settle(self.mirrors.claim(facts), facts)
        else:
            self._settle(self.mirrors.withdraw(facts.uid))
            self.inventory.pods[facts.cgroup_uid] = facts

    def _drop(self, facts: PodFacts) -> None:
        for uid in {facts.cgroup_uid, self.mirrors.claimed(facts.uid) or facts.cgroup_uid}:
            stored = self.inventory.pods.get(uid)
            if stored is not None and stored.uid == facts.uid:
                del self.inventory.pods[uid]
                self._keep(stored)
        self._settle(self.mirrors.withdraw(facts.uid))

    def _settle(self, changed: set[str], by: PodFacts | None = None) -> None:
        """Let one mirror stand for a static pod, never in the place of a Pod of that UID.

        Only who changed this is looked at, and who stood for it before or does now: thousands of
        pods may claim the same.
        """
        for claimed in changed:
            stored = self.inventory.pods.get(claimed)
            if stored is not None and not stored.is_static:
                continue
            found = self.mirrors.believed(claimed)
            if found is not None:
                self.inventory.pods[claimed] = found
            elif stored is not None:
                del self.inventory.pods[claimed]
            for each in filter(None, (stored, by, found)):
                if self.mirrors.claimed(each.uid) == claimed:
                    self._say(each, believed=found is not None and found.uid == each.uid)

    def _say(self, mirror: PodFacts, *, believed: bool) -> None:
        manifest = {"metadata": {"name": mirror.name, "namespace": mirror.namespace}}
        if not believed:
            self.passed_over.note("Pod", manifest, _UNCONFIRMED)
        elif not mirror.odd:
            self.passed_over.clear("Pod", manifest)

    def _keep(self, facts: PodFacts) -> None:
        deleted = self.inventory.deleted
        deleted[facts.cgroup_uid] = facts
        while len(deleted) > KEEP_DELETED:
            del deleted[next(iter(deleted))]

    def _tell(self, *manifests: Manifest) -> None:
        for manifest in manifests:
            self.seen(manifest)
        self.inventory.appeared.set()
        self.changed()
