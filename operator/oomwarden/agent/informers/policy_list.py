"""A list of policies, read one object at a time: only what the cache keeps stays in memory."""

import logging

from msgspec import Struct

from oomwarden.core.log_line.keys import UNREADABLE, about, policy_keys
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.policy.policy import PolicyKey, key_of
from oomwarden.core.policy.policy_cache import (
    CachedPolicy,
    PoliciesByNamespace,
    cached_policy,
    unparsed_policy,
)

_LOG = logging.getLogger(__name__)


class PolicyList(Struct):
    """The policies of a list that fit into the cache."""

    kind: str
    listed: PoliciesByNamespace
    """The listed policies, by namespace."""
    previous: PoliciesByNamespace
    """The policies that the cache has now."""
    everywhere: bool = True
    """Whether all namespaces are listed."""
    version: str = ""
    """The list's resourceVersion."""

    def add(self, manifest: Manifest) -> None:
        """Add one object; a policy that did not change stays the same Python object.

        The evaluator compares policies by identity.
        """
        key = readable_key(self.kind, manifest)
        policies = self.listed.by_namespace.get(key[1]) if key else None
        if key is None or policies is None:
            return
        candidate = unparsed_policy(self.kind, key, manifest)
        if policies.ranks_too_low(candidate.rank):
            policies.leave_out(candidate)
            return
        found, before = cached_policy(self.kind, key, manifest), self.previous.get(key)
        if before is not None and is_same(found, before):
            self.listed.put(before)
        else:
            self.listed.put(found)
            warn_if_unreadable(found)


def is_same(found: CachedPolicy, before: CachedPolicy | None) -> bool:
    """Return whether two versions of a policy have the same content."""
    return before is not None and before[:4] == found[:4]


def readable_key(kind: str, manifest: Manifest) -> PolicyKey | None:
    """Return a policy's key; None, with a log line, if it has no name."""
    try:
        return key_of(kind, manifest)
    except ValueError as error:
        _LOG.warning(
            "skipping a policy: %s",
            error,
            extra=about(kind=kind, reason=UNREADABLE, error=str(error)),
        )
        return None


def warn_if_unreadable(found: CachedPolicy) -> None:
    """Log that a policy that cannot be read is not in effect."""
    if isinstance(found.content, str):
        _LOG.warning(
            "%s is not in effect: %s",
            found.key,
            found.content,
            extra=about(policy_keys(found.key), reason=UNREADABLE, error=found.content),
        )
