"""The CustomResourceDefinitions as manifests, made from the models."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from oomwarden.api.base import GROUP, VERSION, rule
from oomwarden.api.oomkill import OOMKill, OOMKillStatus
from oomwarden.api.oomlimit import OOMLimitSpec
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.api.policy import ClusterOOMPolicySpec, OOMPolicySpec, PolicyStatus
from oomwarden.api.schema.structural_schema import Schema, structural

CATEGORY = "oomwarden"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; priority 1 shows with -o wide only."""

    name: str
    path: str
    description: str
    type: str = "string"
    priority: int = 0

    def manifest(self) -> Schema:
        """Give the additionalPrinterColumns entry."""
        wide = {"priority": self.priority} if self.priority else {}
        return {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.path,
            "description": self.description,
            **wide,
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the group; `facts` are top-level fields, for a kind without spec."""

    name: str
    plural: str
    short: str
    namespaced: bool
    description: str
    columns: tuple[Column, ...]
    spec: type[BaseModel] | None = None
    status: type[BaseModel] | None = None
    facts: type[BaseModel] | None = None
    selectable: tuple[str, ...] = ()


def _ready(words: str) -> Column:
    return Column("Ready", '.status.conditions[?(@.type=="Ready")].status', words)


def _age() -> Column:
    return Column("Age", ".metadata.creationTimestamp", "Time since it was created.", "date")


_POLICY_COLUMNS = (
    Column("Mode", ".spec.mode", "Enforce or Observe."),
    Column("Pods", ".status.pods", "Number of pods that the policy selects.", "integer"),
    Column(
        "Enforced",
        ".status.enforced",
        "Number of containers on which all that the policy asks is in force.",
        "integer",
    ),
    Column(
        "Refused",
        ".status.refused",
        "Number of containers on which it is not, or not wholly, in force.",
        "integer",
    ),
    _ready("Whether all live nodes report this generation; REFUSED: where it is not in force."),
    _age(),
    Column("Priority", ".spec.priority", "Decides among policies of one rank.", "integer", 1),
)

KINDS = (
    Kind(
        name="OOMPolicy",
        plural="oompolicies",
        short="oomp",
        namespaced=True,
        description="Whom the kernel's OOM killer takes first or last among the containers of this "
        "namespace's pods.",
        columns=_POLICY_COLUMNS,
        spec=OOMPolicySpec,
        status=PolicyStatus,
    ),
    Kind(
        name="ClusterOOMPolicy",
        plural="clusteroompolicies",
        short="coomp",
        namespaced=False,
        description="Whom the kernel's OOM killer takes first or last among the containers of many "
        "namespaces' pods.",
        columns=_POLICY_COLUMNS,
        spec=ClusterOOMPolicySpec,
        status=PolicyStatus,
    ),
    Kind(
        name="OOMKill",
        plural="oomkills",
        short="oomk",
        namespaced=True,
        description="One OOM kill in a container, or several merged. Written by oomwarden, never "
        "changed, and it outlives the pod. A fact that is unknown is absent.",
        columns=(
            Column("Pod", ".pod.name", "The pod."),
            Column(
                "Container",
                ".container['name','candidates']",
                "The container; in brackets those that it may have been.",
            ),
            Column("Victim", ".victims[0].command", "Name of the first process killed."),
            Column("Cause", ".cause", "Whose memory ran out."),
            Column("Limit", ".limit", "The limit that was hit, in bytes."),
            Column("Kills", ".kills", "Number of kills in this record.", "integer"),
            Column("Age", ".time.before", "Time since the kill was found.", "date"),
            Column("Node", ".node", "The node.", priority=1),
            Column("Response", ".status.response.reason", "What was done about it.", priority=1),
        ),
        facts=OOMKill,
        status=OOMKillStatus,
        selectable=(".node", ".cause", ".pod.name", ".pod.uid"),
    ),
    Kind(
        name="OOMNode",
        plural="oomnodes",
        short="oomn",
        namespaced=False,
        description="What the agent of the node of this name applied, refused, counted and found "
        "of its own health. Written by the agent alone.",
        columns=(
            _ready("Whether kills are seen; the other conditions tell what the agent lacks."),
            Column(
                "Enforced",
                ".status.applied.containers",
                "Number of containers with a score, limit or memory.oom.group of ours.",
                "integer",
            ),
            Column("Kills", ".status.kills.recorded", "Number of kills told.", "integer"),
            Column("Version", ".status.agent.version", "Version of the agent."),
            Column(
                "Heartbeat",
                ".status.agent.heartbeat",
                "Time since the agent wrote; silent when over 11 minutes.",
                "date",
            ),
            _age(),
            Column("Kernel", ".status.kernel.release", "Kernel release.", priority=1),
        ),
        status=OOMNodeStatus,
    ),
    Kind(
        name="OOMLimit",
        plural="oomlimits",
        short="ooml",
        namespaced=False,
        description="Memory limits that the operator has set on one pod's containers, and what "
        "they were before, by which they are put back. Named after the pod's UID. Written by the "
        "operator alone, and deleted after the pod.",
        columns=(
            Column("Namespace", ".spec.namespace", "Namespace of the pod."),
            Column("Pod", ".spec.pod", "Name of the pod."),
            Column("Node", ".spec.node", "Name of the pod's node."),
            Column("Before", ".spec.containers[*].before", "The limits before."),
            Column("Limit", ".spec.containers[*].limit", "The limits that were set."),
            _age(),
        ),
        spec=OOMLimitSpec,
        selectable=(".spec.node",),
    ),
)


def manifests() -> dict[str, dict[str, Any]]:
    """Give all CustomResourceDefinitions by the kind's plural."""
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
        properties["spec"] = structural(kind.spec) | {"description": "What is wanted."}
        root["required"] = ["spec"]
    if kind.status:
        properties["status"] = structural(kind.status) | {"description": "What is."}
    if kind.facts:
        facts = structural(kind.facts)
        properties |= facts["properties"]
        root["required"] = facts["required"]
        root["x-kubernetes-validations"] = [
            _immutable(name, required=name in facts["required"]) for name in facts["properties"]
        ]
    return root


def _immutable(field: str, *, required: bool) -> Schema:
    """Make the rule that a fact stays as it is, or absent; root rules see no labels."""
    message = f"{field} is a fact of the record and cannot be changed; labels can"
    stays = f"self.{field} == oldSelf.{field}"
    if not required:
        absent = f"!has(self.{field}) && !has(oldSelf.{field})"
        stays = f"{absent} || has(self.{field}) && has(oldSelf.{field}) && {stays}"
    return rule(stays, message, field_path=f".{field}")
