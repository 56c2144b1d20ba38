"""The metrics of nodes, which agents serve: the ledger, delivery, enforcement, the agent itself."""

from oomwarden.core.metrics.family import Lifetime, counter, gauge

POLICY_LABELS = ("policy_kind", "policy_namespace", "policy")
"""The namespace of a ClusterOOMPolicy is empty."""

RECORDED_KILLS = counter("recorded_kills", "OOM kills recorded since the agent started")
UNATTRIBUTED_KILLS = counter(
    "unattributed_kills", "OOM kills for which no pod was found, since the store was created"
)
UNDELIVERABLE_KILLS = counter(
    "undeliverable_kills", "OOM kills whose record can never be stored, since the store was created"
)
HOST_KILLS = counter(
    "host_kills", "OOM kills of processes outside of pods, since the store was created"
)
LEDGER_GAP = gauge(
    "ledger_gap_kills", "Killed processes that the kernel has counted and no record covers yet"
)
OUTBOX_RECORDS = gauge("outbox_records", "Records that wait for the API server")
OUTBOX_AGE = gauge(
    "outbox_oldest_record_age_seconds", "Age of the oldest record that waits; 0 if none does"
)
REFUSED_RECORDS = gauge(
    "refused_records", "Records that the API server refuses and that are retried"
)
TAKEN_NAMES = counter("taken_names", "Records whose name an object of another program had")
HELD_RECORDS = gauge("held_records", "Records of repeated kills that wait for their budget")
HELD_KILLS = gauge("held_kills", "OOM kills in the records that wait for their budget")
LEDGER_FAMILIES = (
    RECORDED_KILLS,
    UNATTRIBUTED_KILLS,
    UNDELIVERABLE_KILLS,
    HOST_KILLS,
    LEDGER_GAP,
    OUTBOX_RECORDS,
    OUTBOX_AGE,
    REFUSED_RECORDS,
    TAKEN_NAMES,
    HELD_RECORDS,
    HELD_KILLS,
)

MODE = gauge("mode", "1 for the mode of the switch: Enforce, Pause or Release", ("mode",))
ENFORCED_PROCESSES = gauge("enforced_processes", "Processes with a score set by oomwarden")
APPLIED_CONTAINERS = gauge(
    "applied_containers",
    "Containers with a score, a memory limit or a memory.oom.group set by oomwarden",
)
POLICY_CONTAINERS = gauge(
    "policy_containers",
    "Containers that a policy matches, by state: Enforced, Observed or Refused",
    (*POLICY_LABELS, "state"),
    Lifetime.POLICY,
)
POLICY_REFUSED_CONTAINERS = gauge(
    "policy_refused_containers",
    "Containers on which a policy is not completely in force, by the first reason",
    (*POLICY_LABELS, "reason"),
    Lifetime.POLICY,
)
SCORE_REPAIRS = counter(
    "score_repairs",
    "Processes whose score had drifted from a policy's and was set again",
    POLICY_LABELS,
    Lifetime.POLICY,
)
GROUP_KILL_REPAIRS = counter("group_kill_repairs", "Repairs of a changed memory.oom.group")
ENFORCEMENT_FAMILIES = (
    MODE,
    ENFORCED_PROCESSES,
    APPLIED_CONTAINERS,
    POLICY_CONTAINERS,
    POLICY_REFUSED_CONTAINERS,
    SCORE_REPAIRS,
    GROUP_KILL_REPAIRS,
)

NODE_CONDITION = gauge(
    "node_condition",
    "Conditions of the OOMNode: 1 if True, 0 if False. The message of a False one is the remedy",
    ("condition",),
)
UNREADABLE_FILES = counter("unreadable_cgroup_files", "Failed reads of cgroup files")
LOG_OVERRUNS = counter("kernel_log_overruns", "Reads that found lines of the kernel log dropped")
MISSING_WATCHES = gauge("missing_watches", "inotify watches that the kernel refuses")
UNOPENED_CGROUPS = gauge("unopened_cgroups", "Cgroups that cannot be opened")
WORKER_STUCK = gauge(
    "worker_stuck_seconds",
    "Time since the oldest unanswered kernel call of a worker; 0 if there is none",
    ("worker",),
)
FIGURES_AGE = gauge(
    "figures_age_seconds",
    "Time since these values were read; the event loop hangs if it is more than 2",
)
DETECTION_FAMILIES = (
    NODE_CONDITION,
    UNREADABLE_FILES,
    LOG_OVERRUNS,
    MISSING_WATCHES,
    UNOPENED_CGROUPS,
    WORKER_STUCK,
    FIGURES_AGE,
)
