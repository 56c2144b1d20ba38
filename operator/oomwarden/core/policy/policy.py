"""Policies of both kinds, parsed from what the API server returns."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oomwarden.api.base import LabelSelector
from oomwarden.api.codec.codec import decode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.free_text import readable
from oomwarden.api.oomkill import PolicyReference
from oomwarden.api.policy import ClusterOOMPolicySpec, OOMPolicySpec, Rule
from oomwarden.api.schema.unknown_fields import unknown_fields
from oomwarden.api.vocabulary import LIMIT_MIN, LONG_EXPONENT, RESERVED
from oomwarden.core.model.quantity import QuantityError, parse_bytes

NAMESPACED, CLUSTER = "OOMPolicy", "ClusterOOMPolicy"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_MAX_TEXT = 512

Reader = Callable[[type[OOMPolicySpec], object], OOMPolicySpec]
"""Converts a JSON value to a spec; raises InvalidObjectError."""


class PolicyKey(NamedTuple):
    """A policy's identity; `namespace` is empty for a ClusterOOMPolicy."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(filter(None, self))


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy.

    Attributes:
        kind: OOMPolicy or ClusterOOMPolicy.
        namespace: Its namespace; None for a ClusterOOMPolicy.
        name: Its name.
        generation: Its metadata.generation.
        spec: Its spec.
        unknown: Names of fields that only a newer version understands.
        matches: The matching rule by container name: hundreds of globs are tried only once.
    """

    kind: str
    namespace: str | None
    name: str
    generation: int
    spec: OOMPolicySpec
    unknown: tuple[str, ...] = ()
    matches: dict[str, Rule | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> PolicyKey:
        """Return the identity of the policy."""
        return PolicyKey(self.kind, self.namespace or "", self.name)

    @property
    def reference(self) -> PolicyReference:
        """Return the reference for the record of a kill."""
        return PolicyReference(kind=self.kind, name=self.name)

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


def key_of(kind: str, manifest: Mapping[str, Any]) -> PolicyKey:
    """Return the key of a manifest, even if it is not a valid policy.

    Raises:
        ValueError: metadata.name is missing.
    """
    metadata = manifest.get("metadata") or {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not name:
        raise ValueError(f"metadata.name: a {kind} without a name cannot be identified")
    return PolicyKey(kind, str(namespace or "") if kind == NAMESPACED else "", str(name))


def parse_policy(kind: str, manifest: Mapping[str, Any], read: Reader = decode) -> Policy:
    """Parse a manifest of kind OOMPolicy or ClusterOOMPolicy.

    Args:
        kind: Its kind.
        manifest: The manifest.
        read: Converts its spec; the CLI passes one that asks the pydantic models as well.

    Raises:
        ValueError: Names the invalid field and explains why.
    """
    _, namespace, name = key_of(kind, manifest)
    model = OOMPolicySpec if kind == NAMESPACED else ClusterOOMPolicySpec
    spec = manifest.get("spec", {})
    parsed = _parse(model, spec, read)
    _check(parsed)
    generation = manifest["metadata"].get("generation", 0)
    generation = generation if isinstance(generation, int) else 0
    return Policy(kind, namespace or None, name, generation, parsed, unknown_fields(spec, model))


def _parse(model: type[OOMPolicySpec], spec: object, read: Reader) -> OOMPolicySpec:
    try:
        return read(model, spec)
    except InvalidObjectError as error:
        text = f"spec{error.path}: {error.why}{_why_reserved(error)}"
        raise ValueError(readable(text, _MAX_TEXT)) from error


def _why_reserved(error: InvalidObjectError) -> str:
    value = error.found
    if not isinstance(value, int) or not error.path.endswith(".oomScoreAdj"):
        return ""
    return f"; {RESERVED[value]}" if value in RESERVED else ""


def _check(spec: OOMPolicySpec) -> None:
    """Check what the API server checks with CEL rules, in case its CRD is older."""
    for number, rule in enumerate(spec.rules):
        if rule.oom_score_adj is not None and rule.oom_score_offset is not None:
            raise ValueError(f"spec.rules[{number}]: set oomScoreAdj or oomScoreOffset, not both")
        _check_amounts(f"spec.rules[{number}]", rule)
    selectors = {"podSelector": spec.pod_selector}
    if isinstance(spec, ClusterOOMPolicySpec):
        selectors["namespaceSelector"] = spec.namespace_selector
        selectors["nodeSelector"] = spec.node_selector
    for name, selector in selectors.items():
        _check_selector(f"spec.{name}", selector)


def _check_amounts(path: str, rule: Rule) -> None:
    raising = rule.on_oom.raise_limit if rule.on_oom else None
    amounts = {
        "memory.limit": rule.memory.limit if rule.memory else None,
        "onOOM.raiseLimit.atLeast": raising.at_least if raising else None,
        "onOOM.raiseLimit.upTo": raising.up_to if raising else None,
    }
    for name, amount in amounts.items():
        try:
            if amount is not None and not _is_amount(amount):
                raise ValueError(f"{path}.{name}: must be {LIMIT_MIN} or more, such as 512Mi")
        except QuantityError as error:
            raise ValueError(f"{path}.{name}: {error}") from error


def _is_amount(text: str) -> bool:
    return not re.search(LONG_EXPONENT, text) and parse_bytes(text) >= parse_bytes(LIMIT_MIN)


def _check_selector(path: str, selector: LabelSelector) -> None:
    for number, each in enumerate(selector.match_expressions):
        where = f"{path}.matchExpressions[{number}]"
        if each.operator not in _OPERATORS:
            raise ValueError(f"{where}.operator: must be one of {', '.join(_OPERATORS)}")
        if each.operator in {"In", "NotIn"} and not each.values:
            raise ValueError(f"{where}.values: {each.operator} needs at least one value")
