"""What the API server says of policies and namespaces: sinks of the watches."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.core.policies import CLUSTER, NAMESPACED, Key, Policy, key_of, parse_policy

_LOG = logging.getLogger(__name__)

Manifest = dict[str, Any]


@dataclass(slots=True)
class PolicyBook:
    """All policies of both kinds; `version` rises with every change.

    `unreadable` tells why a policy does not compete: it was written for another version.
    """

    changed: Callable[[], None]
    version: int = 0
    policies: dict[Key, Policy] = field(default_factory=dict)
    unreadable: dict[Key, str] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)
    _by_namespace: dict[str, dict[Key, Policy]] = field(default_factory=dict)

    @property
    def synced(self) -> bool:
        """Whether all policies of both kinds were listed."""
        return self._listed == {NAMESPACED, CLUSTER}

    def sink(self, kind: str) -> "PolicySink":
        """Give the sink for a watch of one kind."""
        return PolicySink(self, kind)

    def candidates(self, namespace: str) -> list[Policy]:
        """Give the policies that may select pods of a namespace."""
        own, everywhere = (self._by_namespace.get(each, {}) for each in (namespace, ""))
        return [*own.values(), *everywhere.values()]

    def unknown_fields(self) -> tuple[str, ...]:
        """Name the fields that only a newer agent understands, once each."""
        return tuple(sorted({name for policy in self.policies.values() for name in policy.unknown}))

    def take(self, kind: str, manifest: Manifest) -> bool:
        """Take a policy, and tell whether it differs: most events are of its status alone.

        One that cannot be read is told, and the others go on.
        """
        try:
            key = key_of(kind, manifest)
        except ValueError as error:
            _LOG.warning("a policy is passed over: %s", error)
            return False
        before = self.policies.get(key) or self.unreadable.get(key)
        found = _parsed(kind, manifest)
        if found == before:  # others know it by its identity, which stays
            return False
        self.drop(key)
        if isinstance(found, Policy):
            self.policies[key] = found
            self._by_namespace.setdefault(key[1], {})[key] = found
        else:
            self.unreadable[key] = found
            where = "/".join(filter(None, key[1:]))
            _LOG.warning("%s %s is not in force: %s", kind, where, found)
        return True

    def drop(self, key: Key) -> None:
        """Forget a policy."""
        self.policies.pop(key, None)
        self._by_namespace.get(key[1], {}).pop(key, None)
        self.unreadable.pop(key, None)

    def begin(self, kind: str) -> None:
        """Forget all policies of a kind, which are about to be told anew."""
        for key in [key for key in (*self.policies, *self.unreadable) if key[0] == kind]:
            self.drop(key)
        self._listed.add(kind)

    def tell(self) -> None:
        """Say that something has changed."""
        self.version += 1
        self.changed()


def _parsed(kind: str, manifest: Manifest) -> Policy | str:
    """Read a policy, or tell why it cannot be read."""
    try:
        return parse_policy(kind, manifest)
    except ValueError as error:
        return str(error)


@dataclass(frozen=True, slots=True)
class PolicySink:
    """Takes one kind."""

    book: PolicyBook
    kind: str

    def replace(self, objects: list[Manifest]) -> None:
        """Take these policies for all there are."""
        self.book.begin(self.kind)
        for manifest in objects:
            self.book.take(self.kind, manifest)
        self.book.tell()

    def apply(self, manifest: Manifest) -> None:
        """Take a new or changed policy."""
        if self.book.take(self.kind, manifest):
            self.book.tell()

    def delete(self, manifest: Manifest) -> None:
        """Forget a policy."""
        self.book.drop(key_of(self.kind, manifest))
        self.book.tell()


@dataclass(slots=True)
class NamespaceBook:
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
