"""The cache of namespace labels."""

from collections.abc import Callable

from msgspec import Struct, field

from oomwarden.core.objects.json_parts import Manifest


class NamespaceCache(Struct):
    """The labels of all namespaces, for namespaceSelector."""

    changed: Callable[[], None]
    version: int = 0
    """Incremented with every change."""
    synced: bool = False
    """Whether the namespaces were listed once."""
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the namespace's name."""

    def replace(self, objects: list[Manifest]) -> None:
        """Replace all namespaces."""
        self.labels = {each["metadata"]["name"]: _labels(each) for each in objects}
        self.synced = True
        self._notify()

    def apply(self, manifest: Manifest) -> None:
        """Apply a new or changed namespace."""
        name, fresh = manifest["metadata"]["name"], _labels(manifest)
        if self.labels.get(name) != fresh:
            self.labels[name] = fresh
            self._notify()

    def delete(self, manifest: Manifest) -> None:
        """Remove a namespace: the API server deletes it after its last pod."""
        self.labels.pop(manifest["metadata"]["name"], None)
        self._notify()

    def _notify(self) -> None:
        self.version += 1
        self.changed()


def _labels(manifest: Manifest) -> dict[str, str]:
    return dict(manifest["metadata"].get("labels") or {})
