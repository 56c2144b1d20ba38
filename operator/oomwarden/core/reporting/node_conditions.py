"""The conditions of an agent's OOMNode. A False one has the remedy as its message."""

import re

from msgspec import Struct

from oomwarden.api.base import Condition
from oomwarden.core.reporting.delivery_problem import NO_PROBLEM, DeliveryProblem

_LOCAL_EVENTS = (
    "cgroup v2 is mounted with memory_localevents, so the kernel does not count kills in "
    "containers at the levels above, and they are missed: run `mount -o "
    "remount,nsdelegate,memory_recursiveprot /sys/fs/cgroup` on the node, and remove the option "
    "where it is mounted"
)
_WRITES_OFF = (
    "switched off, so memory.groupKill of policies is not applied: to let agents write to "
    "cgroups, set agent.cgroupWrites=true in the chart's values"
)
LEFT_CHANGED = "LeftChanged"
"""Reason of CgroupWrites if values that oomwarden wrote remain."""
_LEFT = (
    "switched off while {count} containers have a memory.oom.group that the agents had set: it "
    "stays until they restart. To restore it, set agent.cgroupWrites=true in the chart's "
    "values, and leave it on until their policies are deleted, or the switch is at Release, and "
    "this condition is True"
)
_READ_ONLY = (
    "/sys/fs/cgroup is mounted read-only in the agent's container: mount it from the host with "
    "readOnly: false, as the chart does with agent.cgroupWrites=true"
)
_LACKS = (
    "without SYS_RESOURCE no score is lowered, without DAC_OVERRIDE no process of another user "
    "is changed, without SYSLOG records have no victims"
)
OLDEST_KERNEL = (5, 10)
MAX_FIELDS = 20
"""Fields named in a message, which the API server limits to 32 KiB."""


class NodeFindings(Struct, frozen=True):
    """What the agent found out about its environment. A text is a remedy; empty if all is well."""

    kernel: str = ""
    cgroup_v2: str = ""
    local_events: bool = False
    capabilities: tuple[str, ...] = ()
    kernel_log: str = ""
    kernel_log_reason: str = ""
    agent_memory: str = ""
    store: str = ""
    store_in_memory: bool = False
    store_full: bool = False
    unknown_fields: tuple[str, ...] = ()
    unreadable_objects: str = ""
    cgroup_writes: bool = True
    cgroups_read_only: bool = False
    groups_left: int = 0
    delivery: DeliveryProblem = NO_PROBLEM
    watches: str = ""
    unopened: str = ""
    layout: str = ""
    sees_nothing: bool = False
    records: str = ""
    records_reason: str = ""
    beyond_bounds: str = ""
    beyond_bounds_reason: str = ""


def node_conditions(found: NodeFindings, now: str) -> tuple[Condition, ...]:
    """Return the conditions of OOMNode.

    Ready is False only if the agent cannot watch for kills or enforce policies at all.

    Args:
        found: What the agent found out.
        now: The current time in RFC 3339.
    """
    missing = found.capabilities
    grant = f"{_LACKS}: grant the agent's container {', '.join(missing)}" if missing else ""
    newer = ", ".join(f"spec.{name}" for name in found.unknown_fields[:MAX_FIELDS])
    newer += " and others" if len(found.unknown_fields) > MAX_FIELDS else ""
    ignored = f"this agent is older than the CRDs and ignores {newer}: upgrade it" if newer else ""
    cgroup_v2 = found.cgroup_v2 or (_LOCAL_EVENTS if found.local_events else "")
    writes, why = _cgroup_writes(found)
    tests = (
        ("Kernel", found.kernel, "Supported", "TooOld"),
        ("CgroupV2", cgroup_v2, "Mounted", "NotFound" if found.cgroup_v2 else "LocalEvents"),
        ("Capabilities", grant, "Complete", "Missing"),
        ("KernelLog", found.kernel_log, "Readable", found.kernel_log_reason or "NotReadable"),
        ("CgroupWrites", writes, "On", why),
        ("AgentMemory", found.agent_memory, "Sufficient", "OOMKilled"),
        ("Inotify", found.watches, "AllWatched", "WatchesRefused"),
        ("CgroupsReadable", found.unopened, "AllOpen", "Unopened"),
        ("Layout", found.layout, "Understood", "ContainersElsewhere"),
        ("Store", found.store, "Durable", _store_reason(found)),
        ("Delivery", found.delivery.message, "Delivering", found.delivery.reason),
        ("PoliciesUnderstood", ignored, "AllFields", "UnknownFields"),
        ("ObjectsUnderstood", found.unreadable_objects, "AllRead", "NotWhollyRead"),
        ("Records", found.records, "AsUsual", found.records_reason or "MergedHarder"),
        ("WithinBounds", found.beyond_bounds, "AllHeld", found.beyond_bounds_reason or "LeftOut"),
    )
    results = [_condition(kind, text, good, bad, now) for kind, text, good, bad in tests]
    blind = cgroup_v2 or (found.layout if found.sees_nothing else "")
    ready = _condition("Ready", blind, "Watching", "NotWatching", now)
    return (ready, *results)


def kernel_remedy(release: str) -> str:
    """Return the remedy for an old kernel; empty if its release (uname -r) is recent or unknown."""
    found = re.match(r"(\d+)\.(\d+)", release)
    if found is None or (int(found[1]), int(found[2])) >= OLDEST_KERNEL:
        return ""
    oldest = ".".join(map(str, OLDEST_KERNEL))
    return f"Linux {found[0]} is older than {oldest}, so kills may be missed: upgrade the kernel"


def _cgroup_writes(found: NodeFindings) -> tuple[str, str]:
    """Return the remedy and the reason. `Off` is a choice, not a fault."""
    if not found.cgroup_writes and found.groups_left:
        return _LEFT.format(count=found.groups_left), LEFT_CHANGED
    if not found.cgroup_writes:
        return _WRITES_OFF, "Off"
    if found.cgroups_read_only:
        return _READ_ONLY, "ReadOnly"
    return "", ""


def _store_reason(found: NodeFindings) -> str:
    if found.store_in_memory:
        return "InMemory"
    return "DiskFull" if found.store_full else "StartedAnew"


def _condition(kind: str, remedy: str, good: str, bad: str, now: str) -> Condition:
    return Condition(
        type=kind,
        status="False" if remedy else "True",
        reason=bad if remedy else good,
        message=remedy,
        last_transition_time=now,
    )


def counts_local_events_only(mounts: bytes) -> bool:
    """Return whether memory.events leaves out child cgroups, according to /proc/self/mounts.

    The option belongs to the hierarchy, so every mount of cgroup2 shows it (Linux
    kernel/cgroup/cgroup.c, cgroup_show_options).
    """
    for line in mounts.splitlines():
        _, _, kind, options, *_ = *line.split(b" "), b"", b"", b"", b""
        if kind == b"cgroup2" and b"memory_localevents" in options.split(b","):
            return True
    return False
