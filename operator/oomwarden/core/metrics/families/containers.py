"""The metrics of containers, which agents serve.

Series follow the names of containers, not their IDs, so that a container that restarts a thousand
times has the series of one.
"""

from oomwarden.core.metrics.family import Lifetime, counter, gauge

CONTAINER_LABELS = ("namespace", "pod", "container")
"""The container is empty where it is not known, and where the pod's own limit was hit."""

OOM_KILLS = counter(
    "oom_kills",
    "OOM kills in a container, whatever became of the container; a group kill is one. Restarts of "
    "the agent do not reset it",
    (*CONTAINER_LABELS, "owner_kind", "owner_name", "cause"),
    Lifetime.CONTAINER,
)
OOM_VICTIMS = counter(
    "oom_victims",
    "Processes that the kernel killed in a container. Restarts of the agent do not reset it",
    CONTAINER_LABELS,
    Lifetime.FIRST_EVENT,
)
PROTECTED_OOM_KILLS = counter(
    "protected_oom_kills",
    "OOM kills in a container whose score a policy had lowered. Restarts of the agent do not "
    "reset it",
    (*CONTAINER_LABELS, "policy_kind", "policy"),
    Lifetime.FIRST_EVENT,
)
MEMORY_EVENTS = counter(
    "container_memory_events",
    "Events in memory.events of a container, across its restarts: low, high, max, oom, oom_kill, "
    "oom_group_kill. Those of the pod count as its only container's",
    (*CONTAINER_LABELS, "event"),
    Lifetime.FIRST_EVENT,
)
NEAR_MISSES = counter(
    "near_misses",
    "How often a limit was hit without a kill, because the kernel could reclaim memory",
    CONTAINER_LABELS,
    Lifetime.FIRST_EVENT,
)
MEMORY_USAGE = gauge(
    "container_memory_usage_bytes",
    "Memory charged to a container, page cache included (memory.current), at most 10 seconds old",
    CONTAINER_LABELS,
    Lifetime.STATE,
)
MEMORY_LIMIT = gauge(
    "container_memory_limit_bytes",
    "The memory limit of a container that has one (memory.max)",
    CONTAINER_LABELS,
    Lifetime.STATE,
)
MEMORY_WORKING_SET = gauge(
    "container_memory_working_set_bytes",
    "Memory of a container without inactive page cache, only while it uses 80 % of its limit or "
    "more",
    CONTAINER_LABELS,
    Lifetime.STATE,
)
TIME_TO_LIMIT = gauge(
    "container_time_to_limit_seconds",
    "Time until a container reaches its limit if its usage goes on like in the last hours; only "
    "where that can be estimated",
    (*CONTAINER_LABELS, "pattern"),
    Lifetime.STATE,
)
LEFT_OUT_CONTAINERS = gauge(
    "left_out_containers",
    "Containers without metrics, because the node has more names of containers than an agent keeps",
)

CONTAINER_FAMILIES = (
    OOM_KILLS,
    OOM_VICTIMS,
    PROTECTED_OOM_KILLS,
    MEMORY_EVENTS,
    NEAR_MISSES,
    MEMORY_USAGE,
    MEMORY_LIMIT,
    MEMORY_WORKING_SET,
    TIME_TO_LIMIT,
    LEFT_OUT_CONTAINERS,
)
