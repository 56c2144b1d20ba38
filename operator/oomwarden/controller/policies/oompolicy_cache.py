"""The OOMPolicies of all namespaces, reduced to what their status needs.

They are not watched through kopf, which keeps all objects of a list, specs included, until all are
indexed: 1,000 of the largest policies that tenants may write need 250 MiB there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.models.validated import validated
from oomwarden.api.policy import PolicyStatus
from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.policy.cautions import caution
from oomwarden.core.policy.policy import PolicyKey


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What the operator keeps of a policy.

    Attributes:
        generation: metadata.generation.
        status: The status as it is stored.
        caution: A warning about the policy's spec; empty: none.
    """

    generation: int
    status: PolicyStatus
    caution: str = ""


def policy_state(
    manifest: dict[str, Any], kind: str = "OOMPolicy"
) -> tuple[PolicyKey, PolicyState]:
    """Reduce a policy to what its status needs; a status that cannot be read counts as empty."""
    metadata = manifest["metadata"]
    key = PolicyKey(kind, metadata.get("namespace") or "", metadata["name"])
    try:
        status = validated(PolicyStatus, manifest.get("status") or {})
    except InvalidObjectError:
        status = PolicyStatus()
    generation = metadata.get("generation")
    warning = caution(kind, object_at(manifest, "spec"))
    return key, PolicyState(generation if isinstance(generation, int) else 0, status, warning)


@dataclass(slots=True, eq=False)
class OOMPolicyCache:
    """Event handler for OOMPolicies.

    Attributes:
        changed: Called with policies that are new or have changed, or whose status has changed.
        policies: All policies.
    """

    changed: Callable[[Iterable[PolicyKey]], None]
    policies: dict[PolicyKey, PolicyState] = field(default_factory=dict)

    def replace(self, objects: list[tuple[PolicyKey, PolicyState]]) -> None:
        """Replace all policies by those of a list."""
        self.policies = dict(objects)
        self.changed(self.policies)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Add or update a policy."""
        key, state = policy_state(manifest)
        self.policies[key] = state
        self.changed([key])

    def delete(self, manifest: dict[str, Any]) -> None:
        """Remove a policy."""
        self.policies.pop(policy_state(manifest)[0], None)
