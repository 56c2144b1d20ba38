"""What the API server says of namespaces: a sink of the watch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]


@dataclass(slots=True)
class NamespaceCache:
    """Labels of all namespaces, for namespaceSelector."""

    changed: Callable[[], None]
    version: int = 0
    synced: bool = False
    labels: dict[str, dict[str, str]] = field(default_factory=dict)

    def replace(self, objects: list[Manifest]) -> None:
        """Take these namespaces for all there are."""
        self.labels = {each["metadata"]["name"]: _labels(each) for each in objects}
        self.synced = True
        self._tell()

    def apply(self, manifest: Manifest) -> None:
        """Take a new or changed namespace."""
        name, fresh = manifest["metadata"]["name"], _labels(manifest)
        if self.labels.get(name) != fresh:
            self.labels[name] = fresh
            self._tell()

    def delete(self, manifest: Manifest) -> None:
        """Forget a namespace: the API server deletes it after the last of its pods."""
        self.labels.pop(manifest["metadata"]["name"], None)
        self._tell()

    def _tell(self) -> None:
        self.version += 1
        self.changed()


def _labels(manifest: Manifest) -> dict[str, str]:
    return dict(manifest["metadata"].get("labels") or {})
