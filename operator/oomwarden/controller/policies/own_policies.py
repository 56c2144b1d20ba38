"""The OOMPolicies of all namespaces: a generation and a status of each, a sink of the watch.

Not through kopf, which holds all that it lists, specs included, until all of it is indexed:
1,000 of the largest policies that tenants may write are 250 MiB there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from oomwarden.api.policy import PolicyStatus
from oomwarden.core.limits.node_report import PolicyKey
from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.policy.cautions import caution


@dataclass(frozen=True, slots=True)
class OwnPolicy:
    """What the operator keeps of a policy; `caution` is to be said of its own words."""

    generation: int
    status: PolicyStatus
    caution: str = ""


def kept_policy(manifest: dict[str, Any], kind: str = "OOMPolicy") -> tuple[PolicyKey, OwnPolicy]:
    """Keep of a policy what its status needs; a status that cannot be read is made anew."""
    metadata = manifest["metadata"]
    key = PolicyKey(kind, metadata.get("namespace"), metadata["name"])
    try:
        status = PolicyStatus.model_validate(manifest.get("status") or {})
    except ValidationError:
        status = PolicyStatus()
    told, said = metadata.get("generation"), caution(kind, object_at(manifest, "spec"))
    return key, OwnPolicy(told if isinstance(told, int) else 0, status, said)


@dataclass(slots=True, eq=False)
class OwnPolicies:
    """`changed` is called with policies that are new, have changed, or whose status has."""

    changed: Callable[[Iterable[PolicyKey]], None] = field(default=lambda _: None)
    known: dict[PolicyKey, OwnPolicy] = field(default_factory=dict)

    def replace(self, objects: list[tuple[PolicyKey, OwnPolicy]]) -> None:
        """Take these for all there are."""
        self.known = dict(objects)
        self.changed(self.known)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Take a new or changed policy."""
        key, policy = kept_policy(manifest)
        self.known[key] = policy
        self.changed([key])

    def delete(self, manifest: dict[str, Any]) -> None:
        """Forget a policy."""
        self.known.pop(kept_policy(manifest)[0], None)
