"""What the operator has recorded of this node's limits: sink of the watch on OOMLimits."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.api.oomlimit import KeptLimit
from oomwarden.core.model.limit_ownership import with_evidence
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.kube.oomlimits import kept_limits

PATIENCE_SECONDS = 10.0
_LOG = logging.getLogger(__name__)

Manifest = dict[str, Any]


@dataclass(slots=True)
class LimitCache:
    """By the pod's UID, then by container; `changed` is called when something differs."""

    changed: Callable[[], None] = field(default=lambda: None)
    _listed: asyncio.Event = field(default_factory=asyncio.Event)
    _kept: dict[str, dict[str, KeptLimit]] = field(default_factory=dict)

    def evidenced(self, pod: PodFacts, container: ContainerFacts) -> ContainerFacts:
        """Say of a container whether its limit is ours."""
        kept = self._kept.get(pod.uid, {}).get(container.name)
        return with_evidence(container, kept) if kept else container

    async def listed(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until all records are known: before that nothing of ours seems to be in place."""
        try:
            async with asyncio.timeout(seconds):
                await self._listed.wait()
        except TimeoutError:
            _LOG.warning("OOMLimits are not listed yet: limits that were set are not counted")

    def replace(self, objects: list[Manifest]) -> None:
        """Take these records for all there are."""
        self._kept = {each["metadata"]["name"]: kept_limits(each) for each in objects}
        self._listed.set()
        self.changed()

    def apply(self, manifest: Manifest) -> None:
        """Take a new or changed record."""
        name, fresh = manifest["metadata"]["name"], kept_limits(manifest)
        if self._kept.get(name) != fresh:
            self._kept[name] = fresh
            self.changed()

    def delete(self, manifest: Manifest) -> None:
        """Forget a record: its pod is gone."""
        self._kept.pop(manifest["metadata"]["name"], None)
        self.changed()
