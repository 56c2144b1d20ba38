"""The size of an OOMKill, an Event and an OOMNode in etcd, with what the API server adds."""

import json
import math
import uuid
from dataclasses import dataclass
from typing import Any

from oomwarden.api.codec.codec import encode
from oomwarden.api.node.memory import MemoryInfo
from oomwarden.api.oomkill import ContainerType, PolicyReference
from oomwarden.api.oomnode import AgentInfo, KernelInfo, KillCounts, OOMNodeStatus
from oomwarden.api.policy import QOSClass
from oomwarden.core.incidents.cause import PodLimits
from oomwarden.core.incidents.incident import PodSnapshot, investigate
from oomwarden.core.incidents.memory_history import (
    MemoryTimeline,
    ProcessUsage,
    UsageDetail,
    UsageSample,
)
from oomwarden.core.incidents.record_context import RecordContext
from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.kernel_log.lines import Constraint, Killed
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.parse.memory_stat import Composition
from oomwarden.core.quota.budget_terms import Reason
from oomwarden.core.records.coalesce import merge
from oomwarden.core.records.event import event
from oomwarden.core.records.oomkill import oom_kill
from oomwarden.core.records.outbox_row import OutboxRow
from oomwarden.core.records.reduced_record import reduced
from oomwarden.core.reporting.node_conditions import NodeFindings, node_conditions

NOW = 1_800_000_000.0
STAMP = "2027-01-15T08:00:00Z"
MIB = 1 << 20
KEY_BYTES = 120
"""The key (/registry/oomwarden.io/oomkills/NAMESPACE/NAME) and etcd's record around the value."""
PAGE_BYTES, FILLED, LEAST_KEYS = 4096, 0.9, 2
"""A page of etcd's file: its size, the part of it that gets filled, and its least number of keys,
for which it spans several pages if necessary (bbolt node.go, splitIndex; etcd fills to 0.9)."""
NODE = "ip-10-20-130-140.eu-central-1.compute.internal"
POD = "checkout-payments-worker-7d9f8c6b5d-x2x9z"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of etcd's file for one object.

    Attributes:
        first: A pod's first OOMKill.
        merged: An OOMKill that several kills were merged into.
        lean: One with fewer details, written while there are too many OOMKills.
        event: An Event with a series.
        node: An OOMNode.
    """

    first: int
    merged: int
    lean: int
    event: int
    node: int


def measure() -> Sizes:
    """Build one object of each kind as an agent does, and serialize it as the API server does."""
    first = _record(0)
    later = [_record(start) for start in (1, 2, 3)]
    (merged,) = merge(OutboxRow(kill, None) for kill in later)
    less = reduced(merged.kill, Reason.CLUSTER)
    posted = event(_incident(0), first, NOW)
    assert posted is not None  # noqa: S101 - the kill is recent
    posted["series"] = {"count": 2, "lastObservedTime": posted["eventTime"]}
    objects = (first, merged.kill, less, posted, _node())
    return Sizes(*(in_pages(stored(each)) for each in objects))


def in_pages(size: int) -> int:
    """Return the bytes of etcd's file that each object of this size takes."""
    keys = max(LEAST_KEYS, int(PAGE_BYTES * FILLED) // size)
    return math.ceil(keys * size / PAGE_BYTES) * PAGE_BYTES // keys


def stored(manifest: Manifest) -> int:
    """Return the bytes of an object in etcd: as JSON, with uid, times and managedFields.

    For Events this is an upper bound: they are stored as protobuf, which is smaller.
    """
    metadata = {
        **manifest["metadata"],
        "uid": str(uuid.UUID(int=0)),
        "creationTimestamp": STAMP,
        "generation": 1,
        "managedFields": [
            {
                "apiVersion": manifest["apiVersion"],
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    **_fields({k: v for k, v in manifest.items() if k != "metadata"}),
                    **_fields({"metadata": {"labels": manifest["metadata"].get("labels", {})}}),
                },
                "manager": "oomwarden-agent",
                "operation": "Update",
                "time": STAMP,
            }
        ],
    }
    return len(json.dumps({**manifest, "metadata": metadata}, separators=(",", ":"))) + KEY_BYTES


def _fields(value: Any) -> dict[str, Any]:
    """Build fieldsV1 of an object; its lists count as atomic, like most of the measured ones."""
    if not isinstance(value, dict):
        return {}
    return {
        f"f:{key}": {".": {}, **_fields(child)} if isinstance(child, dict) else {}
        for key, child in value.items()
    }


def _incident(start: int) -> Any:
    pod = Cgroup(7, "kubepods.slice/kubepods-podx.slice", Level.POD, "uid")
    path = f"{pod.path}/cri-containerd-{'a' * 64}.scope"
    app = Cgroup(8, path, Level.CONTAINER, "uid", "a" * 64)
    facts = PodFacts(
        str(uuid.UUID(int=1)), str(uuid.UUID(int=1)), "team-checkout-production", POD, {},
        QOSClass.BURSTABLE,
        containers=(ContainerFacts("payments-worker", ContainerType.APP, "a" * 64),),
    )  # fmt: skip
    hog = Killed(
        stamp=1.0, pid=424_242 + start, comm=b"payments-worker", total_vm=2 << 30,
        anon_rss=480 * MIB, file_rss=30 * MIB, shmem_rss=0, uid=1000, page_tables=MIB,
        oom_score_adj=992,
    )  # fmt: skip
    log = LogKill((hog,), Constraint(1.0, f"/{path}", f"/{path}", hog.pid), f"/{path}")
    booking = CounterRange(
        pod, 0, start, start + 1, pod, app, group_kills=1, container_limit=512 * MIB
    )
    names, limits = {8: "payments-worker"}, PodLimits(None, (512 * MIB,))
    snapshot = PodSnapshot(facts, KillCounters(1, 1, 1, 0), (), limits, names, (log,))
    return investigate(booking, snapshot, _context())


def _record(start: int) -> Manifest:
    return oom_kill(_incident(start))


def _context() -> RecordContext:
    samples = tuple(UsageSample(NOW - 300 + 10 * n, (200 + 10 * n) * MIB) for n in range(30))
    largest = tuple(ProcessUsage(4240 + n, b"payments-worker", 90 * MIB, 992) for n in range(5))
    kinds = Composition(anon=480 * MIB, file=30 * MIB, shmem=12 * MIB)
    timeline = MemoryTimeline(samples[-1], samples, UsageDetail(samples[-1], kinds, 5, largest))
    policy = PolicyReference(kind="ClusterOOMPolicy", name="protect-databases")
    return RecordContext(NODE, str(uuid.UUID(int=2)), NOW - 1, NOW, policy, timeline)


def _node() -> Manifest:
    status = OOMNodeStatus(
        agent=AgentInfo(
            version="0.1.0", store_id=str(uuid.UUID(int=3)), started=STAMP, heartbeat=STAMP
        ),
        conditions=node_conditions(NodeFindings(), STAMP),
        kernel=KernelInfo(
            release="6.1.0-40-amd64", boot_id=str(uuid.UUID(int=2)), cgroup_driver="systemd"
        ),
        memory=MemoryInfo(capacity="65536Mi", allocatable="60000Mi", available="30000Mi"),
        kills=KillCounts(recorded=1000),
    )  # fmt: skip
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMNode",
        "metadata": {"name": NODE},
        "status": encode(status),
    }
