"""The cache of OOMLimits: what the operator recorded about memory limits on this node."""

import logging
from collections.abc import Callable

from msgspec import Struct, field

from oomwarden.agent.runtime.signal import Signal
from oomwarden.api.oomlimit import KeptLimit
from oomwarden.core.log_line.keys import about
from oomwarden.core.model.limit_ownership import with_ownership
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.kube.oomlimits import kept_limits

SYNC_TIMEOUT_SECONDS = 10.0
_LOG = logging.getLogger(__name__)


class LimitCache(Struct):
    """The records of memory limits, by pod UID and container name."""

    changed: Callable[[], None]
    """Called when a record differs."""
    synced: bool = False
    """Whether the OOMLimits were listed once."""
    version: int = 0
    """Rises when a record differs."""
    _first_list: Signal = field(default_factory=Signal)
    _kept: dict[str, dict[str, KeptLimit]] = field(default_factory=dict)

    def with_evidence(self, pod: PodFacts, container: ContainerFacts) -> ContainerFacts:
        """Return the container with what shows whether oomwarden set its limit."""
        kept = self._kept.get(pod.uid, {}).get(container.name)
        return with_ownership(container, kept) if kept else container

    async def wait_for_sync(self, seconds: float = SYNC_TIMEOUT_SECONDS) -> None:
        """Wait until all records are listed, or `seconds` have passed.

        Without the records, no limit looks as if oomwarden had set it.
        """
        if not self.synced and not await self._first_list.wait(seconds):
            _LOG.warning(
                "the OOMLimits are not listed yet: limits that oomwarden set are not counted",
                extra=about(kind="OOMLimit", reason="NotListed"),
            )

    def replace(self, objects: list[Manifest]) -> None:
        """Replace all records."""
        self._kept = {each["metadata"]["name"]: kept_limits(each) for each in objects}
        self.synced = True
        self._first_list.set()
        self._note_change()

    def apply(self, manifest: Manifest) -> None:
        """Apply a new or changed record."""
        name, fresh = manifest["metadata"]["name"], kept_limits(manifest)
        if self._kept.get(name) != fresh:
            self._kept[name] = fresh
            self._note_change()

    def delete(self, manifest: Manifest) -> None:
        """Remove a record: its pod is gone."""
        self._kept.pop(manifest["metadata"]["name"], None)
        self._note_change()

    def _note_change(self) -> None:
        self.version += 1
        self.changed()
