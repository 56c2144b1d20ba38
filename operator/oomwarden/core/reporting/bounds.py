"""What exceeds an agent's bounds: OOMNode's condition WithinBounds, and reports of policies."""

from collections.abc import Iterable, Mapping

from oomwarden.api.oomnode import PolicyReport
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.core.policy.policy_cache import (
    MAX_POLICIES,
    NAMESPACE_BYTES,
    NODE_BYTES,
    NamespacePolicies,
    describe_left_out,
)
from oomwarden.core.reporting.policy_report import inactive_report

MAX_NAMED = 5
_ROOM = (
    f"an agent keeps {MAX_POLICIES} policies or {NAMESPACE_BYTES >> 20} MiB per namespace, and "
    f"{NODE_BYTES >> 20} MiB in all: remove policies, or merge the rules of several into one"
)
_CUT = "policies apply to the remaining parts only: make these pods smaller"
_LATE = "their containers are left as they are until the API server returns the policies"


def bounds_remedy(
    policies_of: Mapping[str, NamespacePolicies],
    late: Mapping[str, str],
    cut: Iterable[tuple[str, str]],
) -> tuple[str, str]:
    """Return the remedy and the reason; the remedy is empty if nothing is left out.

    Args:
        policies_of: Cached policies by namespace; '' has the ClusterOOMPolicies.
        late: Namespaces whose policies are not known yet, and why.
        cut: Pods of which a part is left out, and which part.
    """
    found = {
        name: text for name, cached in policies_of.items() if (text := describe_left_out(cached))
    }
    policies = [f"{_place(name)}: {text}" for name, text in sorted(found.items())]
    unknown = [f"{name}: {why}" for name, why in sorted(late.items())]
    parts = [f"{pod}: {what}" for pod, what in sorted(cut)]
    texts = [
        _listed("policies are left out", policies, _ROOM),
        _listed("policies of namespaces are not known yet", unknown, _LATE),
        _listed("parts of pods are left out", parts, _CUT),
    ]
    reason = "LeftOut" if policies or parts else "NotKnownYet"
    return ". ".join(filter(None, texts)), reason


def _place(namespace: str) -> str:
    return f"of namespace {namespace}" if namespace else "of the cluster"


def _listed(what: str, lines: list[str], remedy: str) -> str:
    if not lines:
        return ""
    more = [f"and {len(lines) - MAX_NAMED} more"] if len(lines) > MAX_NAMED else []
    return f"{what}: {'; '.join([*lines[:MAX_NAMED], *more])}; {remedy}"


def left_out_reports(policies: Mapping[PolicyKey, int]) -> tuple[PolicyReport, ...]:
    """Report policies that are left out, by their generations."""
    message = (
        "This agent has no room for the policy, because others of higher priority take it: "
        f"{_ROOM}."
    )
    return tuple(
        inactive_report(key, at, "LeftOut", message) for key, at in sorted(policies.items())
    )
