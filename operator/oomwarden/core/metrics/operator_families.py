"""The metrics of the whole cluster, which the operator serves."""

from oomwarden.core.metrics.family import Family, Lifetime, MetricType, counter, gauge

RECONCILE_DURATION = Family(
    "oomwarden_operator_reconcile_duration_seconds",
    MetricType.HISTOGRAM,
    "Time to work on one item of a queue: policies, resizes or responses",
    ("queue",),
    buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0),
)
QUEUE_LENGTH = gauge("operator_queue_length", "Items that wait in a queue", ("queue",))
NODES = gauge(
    "operator_nodes",
    "OOMNodes, by whether their agents have reported within eleven minutes: Reporting or Silent",
    ("state",),
)
RETAINED_OOMKILLS = gauge("operator_retained_oomkills", "OOMKills at the last look")
DELETED_OOMKILLS = counter(
    "operator_deleted_oomkills",
    "OOMKills that were deleted, by the bound of the chart's retention that they exceeded: Age, "
    "Pod, Namespace or Cluster",
    ("bound",),
)
RESIZES = counter(
    "operator_resizes",
    "Memory limits to set for policies, by what became of them: Set, Restored, Denied, Refused, "
    "Conflict or Failed",
    ("result",),
)
RESPONSES = counter(
    "operator_responses",
    "Responses to OOM kills, by namespace of the pod and reason: RaisedLimit, UpToReached and the "
    "other reasons in status.response of OOMKills",
    ("namespace", "reason"),
    Lifetime.STATE,
)
DROPPED_RESPONSES = counter(
    "operator_dropped_responses",
    "OOM kills that got no response, because too many arrived in a short time",
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
)
