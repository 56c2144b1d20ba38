"""The metrics of the whole cluster, which the operator serves."""

from enum import StrEnum

from oomwarden.core.metrics.family import Family, Lifetime, MetricType, counter, gauge


class WorkQueue(StrEnum):
    """What the operator works through.

    Attributes:
        POLICIES: Policies whose status may have changed.
        RESIZES: Memory limits that agents ask for.
        RESPONSES: OOM kills in the reach of a policy with onOOM.
    """

    POLICIES = "policies"
    RESIZES = "resizes"
    RESPONSES = "responses"


class ResizeResult(StrEnum):
    """What became of an attempt to set a memory limit that an agent asked for.

    Attributes:
        SET: A policy's limit was set.
        RESTORED: The limit was set that the container had before.
        DENIED: The operator did not find the request justified (any more).
        REFUSED: The API server refused it, for example because of a quota.
        CONFLICT: The pod had changed meanwhile; it is read again at once.
        FAILED: The API server did not answer, or an object cannot be read; it is retried.
    """

    SET = "Set"
    RESTORED = "Restored"
    DENIED = "Denied"
    REFUSED = "Refused"
    CONFLICT = "Conflict"
    FAILED = "Failed"


class NodeActivity(StrEnum):
    """Whether the agent of a node reports."""

    REPORTING = "Reporting"
    SILENT = "Silent"


RECONCILE_DURATION = Family(
    "oomwarden_operator_reconcile_duration_seconds",
    MetricType.HISTOGRAM,
    f"Time of one attempt to work on an item of a queue: {', '.join(WorkQueue)}",
    ("queue",),
    buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0),
)
QUEUE_LENGTH = gauge(
    "operator_queue_length",
    f"Items of a queue that are due and not worked on yet: {', '.join(WorkQueue)}",
    ("queue",),
)
NODES = gauge(
    "operator_nodes",
    "OOMNodes, by whether their agents have reported within eleven minutes: "
    f"{' or '.join(NodeActivity)}",
    ("state",),
)
RETAINED_OOMKILLS = gauge(
    "operator_retained_oomkills", "OOMKills at the last count, which is every 10 seconds"
)
DELETED_OOMKILLS = counter(
    "operator_deleted_oomkills",
    "OOMKills that were deleted, by the bound of the chart's retention that they exceeded: Age, "
    "Pod, Namespace or Cluster",
    ("bound",),
)
RESIZES = counter(
    "operator_resizes",
    "Attempts to set memory limits that policies ask for, without onOOM, by what became of them: "
    f"{', '.join(ResizeResult)}",
    ("result",),
)
RESPONSES = counter(
    "operator_responses",
    "Responses to OOM kills, by namespace of the pod and reason: RaisedLimit, UpToReached and the "
    "other reasons in status.response of OOMKills. The namespace is empty for those that have no "
    "room among 200",
    ("namespace", "reason"),
    Lifetime.NAMESPACE,
)
DROPPED_RESPONSES = counter(
    "operator_dropped_responses",
    "OOM kills that got no response, because too many arrived in a short time",
)
LEADER = gauge(
    "operator_leader",
    "1 for the operator that works, 0 for one that waits for its Lease. A single operator shows 1",
)
UNREADABLE_OBJECTS = gauge(
    "operator_unreadable_objects", "Objects that the operator skips, because it cannot read them"
)

OPERATOR_FAMILIES = (
    RECONCILE_DURATION,
    QUEUE_LENGTH,
    NODES,
    RETAINED_OOMKILLS,
    DELETED_OOMKILLS,
    RESIZES,
    RESPONSES,
    DROPPED_RESPONSES,
    UNREADABLE_OBJECTS,
    LEADER,
)
