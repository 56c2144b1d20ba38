"""OOMPolicy and ClusterOOMPolicy: what users and admins want for their pods."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from oomwarden.api.base import Condition, LabelSelector, Model

SCORE_MIN, SCORE_MAX = -997, 1000
"""Granted scores. -998 is the pause container's, -999 the node's daemons'; -1000 is never granted."""

Score = Annotated[int, Field(ge=SCORE_MIN, le=SCORE_MAX)]


class Mode(StrEnum):
    """Enforce writes; Observe plans and reports, and touches nothing."""

    ENFORCE = "Enforce"
    OBSERVE = "Observe"


class QOSClass(StrEnum):
    """A pod's quality-of-service class, as Kubernetes names it."""

    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


class Rule(Model):
    """What containers whose name matches one of the globs get."""

    containers: tuple[str, ...] = ("*",)
    oom_score_adj: Score | None = None
    oom_score_offset: Annotated[int, Field(ge=-2000, le=2000)] | None = None


class OOMPolicySpec(Model):
    """Which pods, and the rules for their containers."""

    mode: Mode = Mode.ENFORCE
    priority: int = 0
    pod_selector: LabelSelector
    priority_class_names: tuple[str, ...] = ()
    qos_classes: tuple[QOSClass, ...] = ()
    rules: tuple[Rule, ...]


class ClusterOOMPolicySpec(OOMPolicySpec):
    """The same for many namespaces."""

    namespace_selector: LabelSelector = LabelSelector()
    overridable: bool = False


class PolicyStatus(Model):
    """The sum of what the nodes' agents report."""

    observed_generation: int = 0
    pods: int = 0
    matched: int = 0
    enforced: int = 0
    observed: int = 0
    refused: int = 0
    nodes: int = 0
    conditions: tuple[Condition, ...] = ()
