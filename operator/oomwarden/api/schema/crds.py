"""The CustomResourceDefinitions as manifests, generated from the models."""

from typing import Any

from oomwarden.api.models.base import rule
from oomwarden.api.schema.kinds import KINDS, Kind
from oomwarden.api.schema.structural_schema import Schema, structural
from oomwarden.api.vocabulary import GROUP, VERSION

CATEGORY = "oomwarden"


def manifests() -> dict[str, dict[str, Any]]:
    """Return all CustomResourceDefinitions by the kind's plural."""
    return {kind.plural: _definition(kind) for kind in KINDS}


def _definition(kind: Kind) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    version: dict[str, Any] = {"name": VERSION, "served": True, "storage": True}
    version["additionalPrinterColumns"] = [column.manifest() for column in kind.columns]
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    if kind.status:
        version["subresources"] = {"status": {}}
    version["schema"] = {"openAPIV3Schema": _root(kind)}
    return version


def _root(kind: Kind) -> Schema:
    properties: Schema = {
        "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
        "kind": {"type": "string", "description": f"{kind.name}."},
        "metadata": {"type": "object"},
    }
    root: Schema = {"type": "object", "description": kind.description, "properties": properties}
    if kind.spec:
        properties["spec"] = structural(kind.spec) | {"description": "The desired state."}
        root["required"] = ["spec"]
    if kind.status:
        properties["status"] = structural(kind.status) | {"description": "The observed state."}
    if kind.facts:
        facts = structural(kind.facts)
        properties |= facts["properties"]
        root["required"] = facts["required"]
        root["x-kubernetes-validations"] = [
            _immutable(name, required=name in facts["required"]) for name in facts["properties"]
        ]
    return root


def _immutable(field: str, *, required: bool) -> Schema:
    """Return the rule that a fact never changes. Rules at the root do not apply to labels."""
    message = f"{field} is a fact of the record and cannot be changed; labels can"
    stays = f"self.{field} == oldSelf.{field}"
    if not required:
        absent = f"!has(self.{field}) && !has(oldSelf.{field})"
        stays = f"{absent} || has(self.{field}) && has(oldSelf.{field}) && {stays}"
    return rule(stays, message, field_path=f".{field}")
