"""The enforcement mode, from ConfigMap `oomwarden-control` in the release's namespace."""

import logging
from collections.abc import Callable

from msgspec import Struct

from oomwarden.api.free_text import readable
from oomwarden.core.log_line.keys import about
from oomwarden.core.model.mode import MODE_CONFIGMAP, EnforcementMode
from oomwarden.core.objects.json_parts import Manifest, object_at

_SHOWN = 64
_LOG = logging.getLogger(__name__)


class ModeHandler(Struct):
    """The event handler of the ConfigMap's watch.

    Without the ConfigMap, the mode is Pause; Release stays Release. If the agent enforced again
    between the deletion of the ConfigMap and its own end, it would undo what an uninstall has just
    restored. A value that cannot be read has the same effect: its author meant to stop something.
    """

    changed: Callable[[], None]
    mode: EnforcementMode | None = None
    """None until the API server has answered once."""

    def replace(self, objects: list[Manifest]) -> None:
        """Apply the listed ConfigMap, or its absence."""
        ours = next((each for each in objects if _is_ours(each)), None)
        if ours is None:
            self._not_found()
        else:
            self._read(ours)

    def apply(self, manifest: Manifest) -> None:
        """Apply the new or changed ConfigMap."""
        if _is_ours(manifest):
            self._read(manifest)

    def delete(self, manifest: Manifest) -> None:
        """Apply the deletion of the ConfigMap."""
        if _is_ours(manifest):
            self._not_found()

    def _read(self, manifest: Manifest) -> None:
        data = manifest.get("data")
        value = str(data.get("mode")) if isinstance(data, dict) else ""
        if value in set(EnforcementMode):
            self._set_mode(EnforcementMode(value))
        else:
            shown = readable(value, _SHOWN)
            self._pause(f"its mode is '{shown}', expected one of {', '.join(EnforcementMode)}")

    def _not_found(self) -> None:
        self._pause("it does not exist")

    def _pause(self, why: str) -> None:
        if self.mode is not EnforcementMode.RELEASE:
            _LOG.warning(
                "ConfigMap %s: %s; the agent changes nothing until it is fixed",
                MODE_CONFIGMAP,
                why,
                extra=about(kind="ConfigMap", name=MODE_CONFIGMAP, reason="BadMode", error=why),
            )
            self._set_mode(EnforcementMode.PAUSE)

    def _set_mode(self, mode: EnforcementMode) -> None:
        if mode is not self.mode:
            _LOG.info(
                "the enforcement mode is %s",
                mode,
                extra=about(kind="ConfigMap", name=MODE_CONFIGMAP, reason=f"Mode{mode}"),
            )
            self.mode = mode
            self.changed()


def _is_ours(manifest: Manifest) -> bool:
    return object_at(manifest, "metadata").get("name") == MODE_CONFIGMAP
