"""Policies as the API server gives them, whichever of the two kinds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from oomwarden.api.base import LabelSelector
from oomwarden.api.free_text import readable
from oomwarden.api.memory_rule import LIMIT_MIN, LONG_EXPONENT
from oomwarden.api.oomkill import PolicyReference
from oomwarden.api.policy import RESERVED, ClusterOOMPolicySpec, OOMPolicySpec, Rule
from oomwarden.api.schema.unknown_fields import unknown_fields
from oomwarden.core.model.quantity import QuantityError, parse_bytes

NAMESPACED, CLUSTER = "OOMPolicy", "ClusterOOMPolicy"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_LONGEST = 512

Key = tuple[str, str, str]
"""Kind, namespace (empty: none) and name."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy; `unknown` names fields that only a newer version understands.

    `matches` keeps by container name which rule matches: hundreds of globs are tried once.
    """

    kind: str
    namespace: str | None
    name: str
    generation: int
    spec: OOMPolicySpec
    unknown: tuple[str, ...] = ()
    matches: dict[str, Rule | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> Key:
        """Tell it from every other policy."""
        return (self.kind, self.namespace or "", self.name)

    @property
    def reference(self) -> PolicyReference:
        """Give what a kill's record says of it."""
        return PolicyReference(kind=self.kind, name=self.name)

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


def key_of(kind: str, manifest: Mapping[str, Any]) -> Key:
    """Give the key of a manifest, also of one that cannot be read as a policy.

    Raises:
        ValueError: metadata.name is missing.
    """
    metadata = manifest.get("metadata") or {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not name:
        raise ValueError(f"metadata.name: a {kind} without a name cannot be told from others")
    return (kind, str(namespace or "") if kind == NAMESPACED else "", str(name))


def parse_policy(kind: str, manifest: Mapping[str, Any]) -> Policy:
    """Read a manifest of kind OOMPolicy or ClusterOOMPolicy.

    Raises:
        ValueError: names the field that cannot be read, and why.
    """
    _, namespace, name = key_of(kind, manifest)
    model = OOMPolicySpec if kind == NAMESPACED else ClusterOOMPolicySpec
    spec = manifest.get("spec", {})
    parsed = _parse(model, spec)
    _check(parsed)
    told = manifest["metadata"].get("generation", 0)
    generation = told if isinstance(told, int) else 0
    return Policy(kind, namespace or None, name, generation, parsed, unknown_fields(spec, model))


def _parse(model: type[OOMPolicySpec], spec: object) -> OOMPolicySpec:
    try:
        return model.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        why = _why_reserved(first["loc"], first["input"])
        told = f"{_path(first['loc'])}: {first['msg']}{why}"
        raise ValueError(readable(told, _LONGEST)) from error


def _why_reserved(location: tuple[int | str, ...], given: object) -> str:
    if not isinstance(given, int) or location[-1:] != ("oomScoreAdj",):
        return ""
    return f"; {RESERVED[given]}" if given in RESERVED else ""


def _path(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "spec" + "".join(parts)


def _check(spec: OOMPolicySpec) -> None:
    """Check what the API server checks with CEL rules, for the sake of an older CRD."""
    for number, rule in enumerate(spec.rules):
        if rule.oom_score_adj is not None and rule.oom_score_offset is not None:
            raise ValueError(f"spec.rules[{number}]: give oomScoreAdj or oomScoreOffset, not both")
        _check_amounts(f"spec.rules[{number}]", rule)
    selectors: dict[str, BaseModel] = {"podSelector": spec.pod_selector}
    if isinstance(spec, ClusterOOMPolicySpec):
        selectors["namespaceSelector"] = spec.namespace_selector
        selectors["nodeSelector"] = spec.node_selector
    for name, selector in selectors.items():
        if isinstance(selector, LabelSelector):
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
