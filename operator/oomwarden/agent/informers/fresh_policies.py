"""A list of policies as it comes: one by one, and only what is held stays."""

import logging
from dataclasses import dataclass
from typing import Any

from oomwarden.core.policy.policy import Key, key_of
from oomwarden.core.policy.policy_cache import CachedPolicy, Shelves, entry, unread

_LOG = logging.getLogger(__name__)

Manifest = dict[str, Any]


@dataclass(slots=True)
class FreshPolicies:
    """What is held of a list. `known` is held already; `everywhere`: a list of all namespaces."""

    kind: str
    shelves: Shelves
    known: Shelves
    everywhere: bool = True
    version: str = ""

    def take(self, manifest: Manifest) -> None:
        """Take one object of the list; an equal policy keeps the identity others know it by."""
        key = readable_key(self.kind, manifest)
        shelf = self.shelves.by_namespace.get(key[1]) if key else None
        if key is None or shelf is None:
            return
        glimpse = unread(self.kind, key, manifest)
        if shelf.is_beyond(glimpse.rank):
            shelf.leave_out(glimpse)
            return
        found, before = entry(self.kind, key, manifest), self.known.get(key)
        if before is not None and is_same(found, before):
            self.shelves.put(before)
        else:
            self.shelves.put(found)
            warn_of(found)


def is_same(found: CachedPolicy, before: CachedPolicy | None) -> bool:
    """Whether both say the same."""
    return before is not None and before[:4] == found[:4]


def readable_key(kind: str, manifest: Manifest) -> Key | None:
    """Tell a policy from others; None: it has no name."""
    try:
        return key_of(kind, manifest)
    except ValueError as error:
        _LOG.warning("a policy is passed over: %s", error)
        return None


def warn_of(found: CachedPolicy) -> None:
    """Say of a policy that cannot be read that it is not in force."""
    if isinstance(found.content, str):
        _LOG.warning("%s is not in force: %s", "/".join(filter(None, found.key)), found.content)
