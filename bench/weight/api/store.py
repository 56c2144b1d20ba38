"""The objects of the API server, their versions, and the events of its watches."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name; the namespace of a cluster's object is empty."""
Selects = Callable[[Json], bool]


@dataclass(frozen=True)
class Change:
    """One event of a watch."""

    version: int
    kind: str
    resource: str
    manifest: Json


@dataclass
class Store:
    """All objects by resource; each change is kept, as etcd does until it is compacted.

    Attributes:
        version: The resourceVersion of the newest change.
        changes: All changes, oldest first.
        changed: Called after each change.
    """

    version: int = 1000
    changes: list[Change] = field(default_factory=list)
    changed: Callable[[], None] = field(default=lambda: None)
    _objects: dict[str, dict[Key, Json]] = field(default_factory=dict)

    def put(self, resource: str, manifest: Json) -> Json:
        """Create or replace an object; return it as it is stored."""
        metadata = manifest["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        found = self._objects.setdefault(resource, {})
        before = found.get(key, {}).get("metadata", {})
        self.version += 1
        stored = manifest | {
            "metadata": {"uid": before.get("uid") or str(uuid.uuid4())}
            | {"creationTimestamp": before.get("creationTimestamp") or "2026-01-05T08:00:00Z"}
            | metadata
            | {"resourceVersion": str(self.version)}
        }
        found[key] = stored
        self._record("MODIFIED" if before else "ADDED", resource, stored)
        return stored

    def get(self, resource: str, namespace: str, name: str) -> Json | None:
        """Return an object, None if there is none."""
        return self._objects.get(resource, {}).get((namespace, name))

    def delete(self, resource: str, namespace: str, name: str) -> Json | None:
        """Delete an object; return it, None if there was none."""
        gone = self._objects.get(resource, {}).pop((namespace, name), None)
        if gone is not None:
            self.version += 1
            gone["metadata"]["resourceVersion"] = str(self.version)
            self._record("DELETED", resource, gone)
        return gone

    def list(self, resource: str, selects: Selects) -> list[Json]:
        """Return the objects that are selected, in the order of their keys."""
        found = self._objects.get(resource, {})
        return [found[key] for key in sorted(found) if selects(found[key])]

    def since(self, version: int, resource: str, selects: Selects) -> Iterator[Change]:
        """Yield the changes of a resource after a version."""
        for change in reversed_until(self.changes, version):
            if change.resource == resource and selects(change.manifest):
                yield change

    def _record(self, kind: str, resource: str, manifest: Json) -> None:
        self.changes.append(Change(self.version, kind, resource, manifest))
        self.changed()


def reversed_until(changes: list[Change], version: int) -> list[Change]:
    """Return the changes after a version, oldest first, without reading all of them."""
    begin = len(changes)
    while begin and changes[begin - 1].version > version:
        begin -= 1
    return changes[begin:]


def merged(stored: Any, patch: Any) -> Any:
    """Return an object with a JSON merge patch applied (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(stored) if isinstance(stored, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def patched(stored: Json, operations: list[Json]) -> Json:
    """Return an object with the `add` and `replace` of a JSON patch applied (RFC 6902)."""
    result = dict(stored)
    for each in operations:
        *parents, last = each["path"].lstrip("/").split("/")
        part = result
        for name in parents:
            part[name] = dict(part.get(name) or {})
            part = part[name]
        part[last] = each["value"]
    return result


def selector(fields: str, labels: str, namespace: str) -> Selects:
    """Return whether an object matches: `a.b=value` of fields, `key=value` of labels."""
    wanted = [tuple(each.replace("==", "=").split("=", 1)) for each in fields.split(",") if each]
    named = [tuple(each.replace("==", "=").split("=", 1)) for each in labels.split(",") if each]

    def selects(manifest: Json) -> bool:
        metadata = manifest["metadata"]
        if namespace and metadata.get("namespace") != namespace:
            return False
        found = metadata.get("labels", {})
        return all(str(at(manifest, path)) == value for path, value in wanted) and all(
            found.get(key) == value for key, value in named
        )

    return selects


def at(manifest: Any, path: str) -> Any:
    """Return the value at a dotted path, an empty text if there is none."""
    for part in path.split("."):
        manifest = manifest.get(part) if isinstance(manifest, dict) else None
    return "" if manifest is None else manifest


def encoded(value: object) -> bytes:
    """Encode as the API server does, without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()
