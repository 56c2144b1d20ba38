"""The one switch: ConfigMap `oomwarden-control` in the release's namespace."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oomwarden.api.free_text import readable
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.objects.json_parts import object_at

NAME = "oomwarden-control"
_SHOWN = 64
_LOG = logging.getLogger(__name__)

Manifest = dict[str, Any]


@dataclass(slots=True)
class ModeHandler:
    """A sink of the watch. `mode` is None until the API server has answered once.

    Without the ConfigMap nothing is changed any more (Pause), and a Release that was told goes
    on: to enforce again between the deletion of the switch and the end of this agent would undo
    what an uninstall has just put back. So it is with a value that cannot be read: whoever wrote
    it meant to stop something.
    """

    changed: Callable[[], None]
    mode: EnforcementMode | None = None

    def replace(self, objects: list[Manifest]) -> None:
        """Take the ConfigMap, or that there is none."""
        ours = next((each for each in objects if _is_ours(each)), None)
        if ours is None:
            self._missing()
        else:
            self._take(ours)

    def apply(self, manifest: Manifest) -> None:
        """Take the new or changed ConfigMap."""
        if _is_ours(manifest):
            self._take(manifest)

    def delete(self, manifest: Manifest) -> None:
        """Take that it was deleted."""
        if _is_ours(manifest):
            self._missing()

    def _take(self, manifest: Manifest) -> None:
        data = manifest.get("data")
        value = str(data.get("mode")) if isinstance(data, dict) else ""
        if value in set(EnforcementMode):
            self._turn(EnforcementMode(value))
        else:
            said = readable(value, _SHOWN)
            self._stop(f"its mode is '{said}', and it takes {', '.join(EnforcementMode)}")

    def _missing(self) -> None:
        self._stop("there is none")

    def _stop(self, why: str) -> None:
        if self.mode is not EnforcementMode.RELEASE:
            _LOG.warning("ConfigMap %s: %s; nothing is changed until that is mended", NAME, why)
            self._turn(EnforcementMode.PAUSE)

    def _turn(self, mode: EnforcementMode) -> None:
        if mode is not self.mode:
            _LOG.info("the switch is at %s", mode)
            self.mode = mode
            self.changed()


def _is_ours(manifest: Manifest) -> bool:
    return object_at(manifest, "metadata").get("name") == NAME
