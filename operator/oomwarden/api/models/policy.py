"""OOMPolicy and ClusterOOMPolicy: what users and administrators want for their pods."""

from typing import Annotated

from pydantic import ConfigDict, Field

from oomwarden.api.models import policy_bounds
from oomwarden.api.models.base import Condition, LabelSelector, Model, rule, validations
from oomwarden.api.models.memory_rule import MemoryRule, OnOOM
from oomwarden.api.models.policy_names import ContainerGlob, PriorityClassName
from oomwarden.api.vocabulary import (
    OFFSET_MAX,
    OFFSET_MIN,
    PRIORITY_MAX,
    PRIORITY_MIN,
    RESERVED,
    SCORE_MAX,
    SCORE_MIN,
    Mode,
    QOSClass,
)

_RESERVED_RULE = "".join(f"self == {score} ? '; {why}' : " for score, why in RESERVED.items())

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


class ProcessRule(Model):
    """The score of processes whose command line matches."""

    command: str = Field(
        description=(
            "Glob over the command line: its arguments joined by spaces, the first 4096 bytes. "
            "`postgres: *` matches the worker processes of PostgreSQL."
        ),
        min_length=1,
        max_length=512,
        json_schema_extra={"maxLength": policy_bounds.MAX_COMMAND_LENGTH},
    )
    oom_score_adj: Score = Field(
        description=(
            f"oom_score_adj of these processes, absolute, without a unit: {SCORE_MIN} (killed "
            f"last) .. {SCORE_MAX} (killed first)."
        )
    )


class Rule(Model):
    """Settings for containers whose name matches one of the globs."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!(has(self.oomScoreAdj) && has(self.oomScoreOffset))",
                "set oomScoreAdj (absolute) or oomScoreOffset (relative), not both",
            ),
            rule(
                "has(self.oomScoreAdj) || has(self.oomScoreOffset) || has(self.processes) "
                "|| has(self.memory) || has(self.onOOM)",
                f"a rule must set at least one of oomScoreAdj ({SCORE_MIN}..{SCORE_MAX}), "
                f"oomScoreOffset ({OFFSET_MIN}..{OFFSET_MAX}), processes, memory or onOOM",
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
        description=(
            "oom_score_adj of every process of the container, absolute, without a unit: "
            f"{SCORE_MIN} (killed last) .. {SCORE_MAX} (killed first). In thousandths of the "
            "memory in which the kernel selects a victim: 100 counts as 10 % of it."
        ),
    )
    oom_score_offset: Offset | None = Field(
        None,
        description=(
            f"Added to the kubelet's oom_score_adj: {OFFSET_MIN}..{OFFSET_MAX}, without a unit. "
            f"The result is clamped to {SCORE_MIN}..{SCORE_MAX}, and clamping is reported."
        ),
    )
    processes: tuple[ProcessRule, ...] = Field(
        (),
        description=(
            "Scores for single processes: the first rule that matches a process decides. A "
            "process that no rule matches gets oomScoreAdj or oomScoreOffset. These scores have "
            "no effect while the kernel kills the container as a group: see memory.groupKill."
        ),
        max_length=16,
    )
    memory: MemoryRule | None = Field(None, description="Memory of the container's cgroup.")
    on_oom: OnOOM | None = Field(
        None, alias="onOOM", description="The response to an OOM kill of the container."
    )


class OOMPolicySpec(Model):
    """The pods that the policy selects, and the rules for their containers."""

    mode: Mode = Field(
        Mode.ENFORCE,
        description="Enforce applies the rules. Observe plans and reports, and changes nothing.",
    )
    priority: int = Field(
        0,
        ge=PRIORITY_MIN,
        le=PRIORITY_MAX,
        description=(
            "Among policies of one rank (ClusterOOMPolicies, OOMPolicies, overridable "
            "ClusterOOMPolicies, in this order) the one with the highest priority governs the "
            "whole container; among equals, the one whose name sorts first. "
            f"{PRIORITY_MIN}..{PRIORITY_MAX}, without a unit."
        ),
        json_schema_extra=validations(
            rule(
                f"self >= {PRIORITY_MIN} && self <= {PRIORITY_MAX}",
                f"priority must be {PRIORITY_MIN}..{PRIORITY_MAX}",
            )
        ),
    )
    pod_selector: LabelSelector = Field(
        description="Selects pods by label. Required; an empty selector, {}, selects every pod."
    )
    priority_class_names: tuple[PriorityClassName, ...] = Field(
        (),
        description="Only pods with one of these PriorityClasses. Absent: any or none.",
        max_length=32,
        json_schema_extra={"x-kubernetes-list-type": "set", "maxItems": policy_bounds.MAX_CLASSES},
    )
    qos_classes: tuple[QOSClass, ...] = Field(
        (),
        description=(
            "Only pods of one of these QoS classes: Guaranteed, Burstable, BestEffort. Absent: any."
        ),
        max_length=3,
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    rules: tuple[Rule, ...] = Field(
        description=(
            "The first rule that matches a container decides. If no rule matches, the policy "
            "does not compete for the container. All rules together: 128 containers at most, 64 "
            "processes with 8192 characters."
        ),
        min_length=1,
        max_length=64,
        json_schema_extra=policy_bounds.ALL_RULES_TOGETHER,
    )


class ClusterOOMPolicySpec(OOMPolicySpec):
    """The same for many namespaces."""

    namespace_selector: LabelSelector = Field(
        LabelSelector(),
        description="Selects namespaces by label. Absent or empty: every namespace.",
    )
    node_selector: LabelSelector = Field(
        LabelSelector(),
        description=(
            "Selects nodes by label, for a canary. Absent or empty: every node. Agents read the "
            "labels of their node once a minute."
        ),
    )
    overridable: bool = Field(
        default=False,
        description=(
            "false: this policy ranks above every OOMPolicy. true: every OOMPolicy ranks above it."
        ),
    )


class PolicyStatus(Model):
    """The sum of the reports of the nodes' agents."""

    observed_generation: int = Field(
        0, description="metadata.generation that the status is based on."
    )
    pods: int = Field(0, description="Number of pods that the policy selects.")
    matched: int = Field(0, description="Number of containers that a rule matches.")
    enforced: int = Field(
        0, description="Number of containers on which everything it asks for is in force."
    )
    observed: int = Field(
        0, description="Number of containers that it would change (mode Observe)."
    )
    refused: int = Field(
        0,
        description="Number of containers on which the policy is not, or not completely, in force.",
    )
    nodes: int = Field(0, description="Number of nodes that have containers of this policy.")
    conditions: tuple[Condition, ...] = Field(
        (),
        description=(
            "Ready: whether all live nodes that report the policy are at its generation. "
            "Refused: whether it is refused, or not completely in force, on some container. "
            "Warning: whether it may do harm."
        ),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
