"""The pods of this node, as the watch tells them, into the inventory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oomwarden.agent.inventory import Inventory
from oomwarden.core.facts import PodFacts
from oomwarden.core.pod_facts import pod_facts

KEEP_DELETED = 256

Manifest = dict[str, Any]


@dataclass(slots=True)
class PodSink:
    """Keeps a deleted pod's facts for a while: its last kills may still be on their way.

    `seen` is called with each Pod as it was told.
    """

    inventory: Inventory
    changed: Callable[[], None]
    seen: Callable[[Manifest], None]

    def replace(self, objects: list[Manifest]) -> None:
        """Take these pods for all there are."""
        fresh = {facts.cgroup_uid: facts for facts in map(pod_facts, objects)}
        for uid in self.inventory.pods.keys() - fresh.keys():
            self._keep(self.inventory.pods[uid])
        self.inventory.pods.clear()
        self.inventory.pods.update(fresh)
        self.inventory.synced = True
        self._tell(*objects)

    def apply(self, manifest: Manifest) -> None:
        """Take a new or changed pod."""
        facts = pod_facts(manifest)
        self.inventory.pods[facts.cgroup_uid] = facts
        self._tell(manifest)

    def delete(self, manifest: Manifest) -> None:
        """Take a pod out."""
        facts = pod_facts(manifest)
        self.inventory.pods.pop(facts.cgroup_uid, None)
        self._keep(facts)
        self._tell(manifest)

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
