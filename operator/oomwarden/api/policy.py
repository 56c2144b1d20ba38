"""OOMPolicy and ClusterOOMPolicy: what users and admins want for their pods."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from oomwarden.api import policy_bounds
from oomwarden.api.base import Condition, LabelSelector, Model, rule, validations
from oomwarden.api.memory_rule import MemoryRule, OnOOM
from oomwarden.api.policy_names import ContainerGlob, PriorityClassName

SCORE_MIN, SCORE_MAX = -997, 1000
"""Granted scores. -998 is the pause container's, -999 the node's daemons', -1000 nobody's."""
RESERVED = {
    -1000: "-1000 is never granted, because a container with a memory limit and no process that "
    "may be killed hangs for ever",
    -999: "-999 is kept for the daemons of the node",
    -998: "-998 is kept for the pause container",
}
"""Why a score is refused, for people."""
_RESERVED_RULE = "".join(f"self == {score} ? '; {why}' : " for score, why in RESERVED.items())
OFFSET_MIN, OFFSET_MAX = -2000, 2000
PRIORITY_MIN, PRIORITY_MAX = -1_000_000, 1_000_000

Score = Annotated[
    int,
    Field(
        ge=SCORE_MIN,
        le=SCORE_MAX,
        json_schema_extra=validations(
            {
                "rule": f"self >= {SCORE_MIN} && self <= {SCORE_MAX}",
                "messageExpression": f"'oomScoreAdj must be {SCORE_MIN}..{SCORE_MAX}' "
                f"+ ({_RESERVED_RULE}'')",
            }
        ),
    ),
]
Offset = Annotated[
    int,
    Field(
        ge=OFFSET_MIN,
        le=OFFSET_MAX,
        json_schema_extra=validations(
            rule(
                f"self >= {OFFSET_MIN} && self <= {OFFSET_MAX}",
                f"oomScoreOffset must be {OFFSET_MIN}..{OFFSET_MAX}",
            )
        ),
    ),
]


class Mode(StrEnum):
    """Enforce writes; Observe plans and reports, and touches nothing."""

    ENFORCE = "Enforce"
    OBSERVE = "Observe"


class QOSClass(StrEnum):
    """A pod's quality-of-service class, as Kubernetes names it."""

    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


class ProcessRule(Model):
    """What the processes get whose command line matches."""

    command: str = Field(
        description="Glob over the command line: its arguments joined by spaces, the first 4096 "
        "bytes. `postgres: *` matches what PostgreSQL calls its workers.",
        min_length=1,
        max_length=512,
        json_schema_extra={"maxLength": policy_bounds.LONGEST_COMMAND},
    )
    oom_score_adj: Score = Field(
        description="oom_score_adj of these processes, absolute, without a unit: "
        f"{SCORE_MIN} (last to be killed) .. {SCORE_MAX} (first to be killed)."
    )


class Rule(Model):
    """What containers whose name matches one of the globs get."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!(has(self.oomScoreAdj) && has(self.oomScoreOffset))",
                "give oomScoreAdj (absolute) or oomScoreOffset (relative), not both",
            ),
            rule(
                "has(self.oomScoreAdj) || has(self.oomScoreOffset) || has(self.processes) "
                "|| has(self.memory) || has(self.onOOM)",
                f"a rule must ask for something: give oomScoreAdj ({SCORE_MIN}..{SCORE_MAX}) "
                f"or oomScoreOffset ({OFFSET_MIN}..{OFFSET_MAX}), processes, memory or onOOM",
            ),
        )
    )

    containers: tuple[ContainerGlob, ...] = Field(
        ("*",),
        description="Globs over container names (*, ?, [...]); one of them must match. App, init, "
        "sidecar and ephemeral containers; never the pause container.",
        min_length=1,
        max_length=16,
    )
    oom_score_adj: Score | None = Field(
        None,
        description="oom_score_adj of every process of the container, absolute, without a unit: "
        f"{SCORE_MIN} (last to be killed) .. {SCORE_MAX} (first to be killed). In thousandths of "
        "the memory that the kernel chooses in: 100 counts like 10 % of it.",
    )
    oom_score_offset: Offset | None = Field(
        None,
        description="Added to the oom_score_adj that the kubelet gave: "
        f"{OFFSET_MIN}..{OFFSET_MAX}, without a unit. The result is clamped to "
        f"{SCORE_MIN}..{SCORE_MAX}, and the clamping is reported.",
    )
    processes: tuple[ProcessRule, ...] = Field(
        (),
        description="Scores for single processes: the first rule that matches a process decides; "
        "one that matches none gets oomScoreAdj or oomScoreOffset. Without effect while the kernel "
        "kills the container as a group: see memory.groupKill.",
        max_length=16,
    )
    memory: MemoryRule | None = Field(None, description="Memory of the container's cgroup.")
    on_oom: OnOOM | None = Field(
        None, alias="onOOM", description="What to do when the container ran out of memory."
    )


class OOMPolicySpec(Model):
    """Which pods, and the rules for their containers."""

    mode: Mode = Field(
        Mode.ENFORCE,
        description="Enforce carries out what the rules say. Observe plans and reports, and "
        "touches nothing.",
    )
    priority: int = Field(
        0,
        ge=PRIORITY_MIN,
        le=PRIORITY_MAX,
        description="Among policies of one rank (ClusterOOMPolicies, OOMPolicies, overridable "
        "ClusterOOMPolicies, in this order) the highest priority wins a container whole; of equals "
        f"the name that sorts first. {PRIORITY_MIN}..{PRIORITY_MAX}, without a unit.",
        json_schema_extra=validations(
            rule(
                f"self >= {PRIORITY_MIN} && self <= {PRIORITY_MAX}",
                f"priority must be {PRIORITY_MIN}..{PRIORITY_MAX}",
            )
        ),
    )
    pod_selector: LabelSelector = Field(
        description="Pods by label. Required; an empty selector, {}, selects every pod."
    )
    priority_class_names: tuple[PriorityClassName, ...] = Field(
        (),
        description="Only pods with one of these PriorityClasses. Absent: with any or none.",
        max_length=32,
        json_schema_extra={"x-kubernetes-list-type": "set", "maxItems": policy_bounds.MOST_CLASSES},
    )
    qos_classes: tuple[QOSClass, ...] = Field(
        (),
        description="Only pods of one of these QoS classes: Guaranteed, Burstable, BestEffort. "
        "Absent: of any.",
        max_length=3,
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    rules: tuple[Rule, ...] = Field(
        description="The first rule that matches a container decides. No rule matches: this "
        "policy does not compete for the container. All rules together: 128 containers at most, "
        "64 processes with 8192 characters.",
        min_length=1,
        max_length=64,
        json_schema_extra=policy_bounds.ALL_RULES_TOGETHER,
    )


class ClusterOOMPolicySpec(OOMPolicySpec):
    """The same for many namespaces."""

    namespace_selector: LabelSelector = Field(
        LabelSelector(),
        description="Namespaces by label. Absent or empty: every namespace.",
    )
    node_selector: LabelSelector = Field(
        LabelSelector(),
        description="Nodes by label, for a canary. Absent or empty: every node. Agents look at "
        "their node's labels once a minute.",
    )
    overridable: bool = Field(
        default=False,
        description="false: this policy beats every OOMPolicy. true: every OOMPolicy beats it.",
    )


class PolicyStatus(Model):
    """The sum of what the nodes' agents report."""

    observed_generation: int = Field(
        0, description="metadata.generation that the operator summed up last."
    )
    pods: int = Field(0, description="Number of pods that the policy selects.")
    matched: int = Field(0, description="Number of containers that a rule matches.")
    enforced: int = Field(
        0, description="Number of containers on which all that it asks is in force."
    )
    observed: int = Field(
        0, description="Number of containers that it would change (mode Observe)."
    )
    refused: int = Field(
        0, description="Number of containers on which the policy is not, or not wholly, in force."
    )
    nodes: int = Field(0, description="Number of nodes that have containers of this policy.")
    conditions: tuple[Condition, ...] = Field(
        (),
        description="Ready: whether all live nodes that report the policy are at its generation. "
        "Refused: whether it is refused, or not wholly in force, somewhere. Warning: whether it "
        "may do harm.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
