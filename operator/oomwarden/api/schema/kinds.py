"""The kinds of the group: names, columns of `kubectl get`, and models."""

from dataclasses import dataclass

from pydantic import BaseModel

from oomwarden.api.models.oomkill import OOMKill, OOMKillStatus
from oomwarden.api.models.oomlimit import OOMLimitSpec
from oomwarden.api.models.oomnode import OOMNodeStatus
from oomwarden.api.models.policy import ClusterOOMPolicySpec, OOMPolicySpec, PolicyStatus
from oomwarden.api.schema.structural_schema import Schema


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; one with priority 1 shows with -o wide only."""

    name: str
    path: str
    description: str
    type: str = "string"
    priority: int = 0

    def manifest(self) -> Schema:
        """Return the additionalPrinterColumns entry."""
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
    """One kind of the group.

    Attributes:
        name: The kind.
        plural: Its plural.
        short: Its short name.
        namespaced: Whether it is namespaced.
        description: What it is, for `kubectl explain`.
        columns: Its columns in `kubectl get`.
        spec: Model of its spec.
        status: Model of its status.
        facts: Model of its top-level fields, for a kind without a spec.
        selectable: Paths of fields for field selectors.
    """

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
        "Number of containers on which everything the policy asks for is in force.",
        "integer",
    ),
    Column(
        "Refused",
        ".status.refused",
        "Number of containers on which it is not, or not completely, in force.",
        "integer",
    ),
    _ready(
        "Whether all live nodes report this generation; REFUSED counts containers on which it "
        "is not in force."
    ),
    _age(),
    Column("Priority", ".spec.priority", "Decides among policies of one rank.", "integer", 1),
)


KINDS = (
    Kind(
        name="OOMPolicy",
        plural="oompolicies",
        short="oomp",
        namespaced=True,
        description="Which containers of this namespace's pods the kernel's OOM killer kills first "
        "or last.",
        columns=_POLICY_COLUMNS,
        spec=OOMPolicySpec,
        status=PolicyStatus,
    ),
    Kind(
        name="ClusterOOMPolicy",
        plural="clusteroompolicies",
        short="coomp",
        namespaced=False,
        description="Which containers of many namespaces' pods the kernel's OOM killer kills first "
        "or last.",
        columns=_POLICY_COLUMNS,
        spec=ClusterOOMPolicySpec,
        status=PolicyStatus,
    ),
    Kind(
        name="OOMKill",
        plural="oomkills",
        short="oomk",
        namespaced=True,
        description=(
            "One OOM kill in a container, or several merged. Written by oomwarden, never "
            "changed, and kept after the pod is deleted. Unknown facts are absent."
        ),
        columns=(
            Column("Pod", ".pod.name", "The pod."),
            Column(
                "Container",
                ".container['name','candidates']",
                "The container; in brackets the possible ones.",
            ),
            Column("Victim", ".victims[0].command", "Name of the first process killed."),
            Column("Cause", ".cause", "Whose memory ran out."),
            Column("Limit", ".limit", "The limit that was hit, in bytes."),
            Column("Kills", ".kills", "Number of kills in this record.", "integer"),
            Column("Age", ".time.before", "Time since the kill was found.", "date"),
            Column("Node", ".node", "The node.", priority=1),
            Column("Response", ".status.response.reason", "The response to the kill.", priority=1),
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
        description=(
            "What the agent of the node of this name applied, refused and counted, and its own "
            "health. Written only by that agent."
        ),
        columns=(
            _ready("Whether kills are detected; the other conditions report what the agent lacks."),
            Column(
                "Enforced",
                ".status.applied.containers",
                "Number of containers with a score, limit or memory.oom.group set by oomwarden.",
                "integer",
            ),
            Column("Kills", ".status.kills.recorded", "Number of kills recorded.", "integer"),
            Column("Version", ".status.agent.version", "Version of the agent."),
            Column(
                "Heartbeat",
                ".status.agent.heartbeat",
                "Time since the agent last wrote; it is silent after 11 minutes.",
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
        description=(
            "Memory limits that the operator has set on one pod's containers, and the original "
            "limits for restoring them. Named after the pod's UID. Written only by the "
            "operator, and deleted after the pod."
        ),
        columns=(
            Column("Namespace", ".spec.namespace", "Namespace of the pod."),
            Column("Pod", ".spec.pod", "Name of the pod."),
            Column("Node", ".spec.node", "Name of the pod's node."),
            Column("Before", ".spec.containers[*].before", "The original limits."),
            Column("Limit", ".spec.containers[*].limit", "The limits that were set."),
            _age(),
        ),
        spec=OOMLimitSpec,
        selectable=(".spec.node",),
    ),
)
