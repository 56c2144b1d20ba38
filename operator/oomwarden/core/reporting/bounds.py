"""What an agent does not hold, in words: OOMNode's condition WithinBounds, and its reports."""

from collections.abc import Iterable, Mapping

from oomwarden.api.oomnode import PolicyReport
from oomwarden.core.policy.policy import Key
from oomwarden.core.policy.policy_cache import (
    MOST_POLICIES,
    NAMESPACE_BYTES,
    NODE_BYTES,
    Shelf,
    left_out,
)
from oomwarden.core.reporting.policy_report import void

MOST_TOLD = 5
_ROOM = (
    f"an agent holds {MOST_POLICIES} policies or {NAMESPACE_BYTES >> 20} MiB of a namespace, and "
    f"{NODE_BYTES >> 20} MiB of all: remove policies, or put the rules of several into one"
)
_CUT = "policies see only the rest of these pods: have them made smaller"
_LATE = "their containers are left as they are until the API server tells"


def beyond(
    shelves: Mapping[str, Shelf], late: Mapping[str, str], cut: Iterable[tuple[str, str]]
) -> tuple[str, str]:
    """Give the remedy and the reason; empty: all is held.

    Args:
        shelves: By namespace; '' has the ClusterOOMPolicies.
        late: Namespaces whose policies are not known yet, and why.
        cut: Pods of which a part is left out, and which part.
    """
    found = {name: text for name, shelf in shelves.items() if (text := left_out(shelf))}
    policies = [f"{_place(name)}: {text}" for name, text in sorted(found.items())]
    unknown = [f"{name}: {why}" for name, why in sorted(late.items())]
    parts = [f"{pod}: {what}" for pod, what in sorted(cut)]
    told = [
        _told("policies are left out", policies, _ROOM),
        _told("policies of namespaces are not known yet", unknown, _LATE),
        _told("parts of pods are left out", parts, _CUT),
    ]
    reason = "LeftOut" if policies or parts else "NotKnownYet"
    return ". ".join(filter(None, told)), reason


def _place(namespace: str) -> str:
    return f"of namespace {namespace}" if namespace else "of the cluster"


def _told(what: str, lines: list[str], remedy: str) -> str:
    if not lines:
        return ""
    more = [f"and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else []
    return f"{what}: {'; '.join([*lines[:MOST_TOLD], *more])}; {remedy}"


def without_room(policies: Mapping[Key, int]) -> tuple[PolicyReport, ...]:
    """Report policies that are left out, given by their generations."""
    message = f"This agent has no room for the policy, and for others of higher priority: {_ROOM}."
    return tuple(void(key, at, "LeftOut", message) for key, at in sorted(policies.items()))
