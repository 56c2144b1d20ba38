"""From an incident to the OOMKill object in the API server."""

import re
from datetime import UTC, datetime

from oomwarden.api.codec.codec import encode
from oomwarden.api.evidence import Evidence
from oomwarden.api.memory import (
    Memory,
    MemoryDetail,
    MemoryParts,
    MemoryPattern,
    MemorySample,
    ProcessMemory,
)
from oomwarden.api.oomkill import ContainerReference, OOMKill, PodReference, TimeSpan
from oomwarden.api.victim import NumaReference, Victim
from oomwarden.api.vocabulary import API_VERSION, MAX_CANDIDATES, MAX_COMM_LENGTH, MAX_HISTORY
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.incidents.memory_history import MemoryTimeline, UsageDetail, UsageSample
from oomwarden.core.incidents.usage_trend import judge_timeline, thin
from oomwarden.core.kernel_log.lines import Killed, printable
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.metadata import labels_of, name_of

_PATH_MAX = 256
_NODE_LIST = re.compile(r"[-0-9,]{1,256}")
_ALWAYS = ("anon", "file", "shmem")


def oom_kill(incident: Incident) -> Manifest:
    """Return the OOMKill; fields with unknown values are left out."""
    context = incident.context
    counted, pod = incident.counter_range, incident.pod
    account = counted.account
    facts = OOMKill(
        node=context.node,
        pod=PodReference(name=pod.name, uid=pod.uid, owner=pod.owner),
        container=_container(incident),
        cause=incident.verdict.cause,
        limit=None if incident.limit is None else format_bytes(incident.limit),
        enforced_at=incident.verdict.enforced_at,
        kills=incident.kills,
        group_kill=counted.group_kills > 0,
        victims=tuple(_victim(victim) for victim in incident.victims),
        memory=None if context.memory is None else _memory(context.memory, incident.limit),
        pod_memory=None
        if incident.pod_memory is None
        else MemoryParts(**_parts(incident.pod_memory.detail)),
        numa=_numa(incident),
        time=TimeSpan(
            after=None if context.after is None else timestamp(context.after),
            before=timestamp(context.before),
        ),
        policy=context.policy,
        evidence=Evidence(
            boot_id=context.boot_id,
            cgroup=account.inode,
            level=account.level,
            epoch=counted.epoch,
            start=counted.start,
            end=counted.end,
            sources=("Counters", "KernelLog") if incident.log else ("Counters",),
        ),
    )
    kill = _present(encode(facts))
    metadata = {"name": name_of(kill), "namespace": pod.namespace, "labels": labels_of(kill)}
    return {"apiVersion": API_VERSION, "kind": "OOMKill", "metadata": metadata, **kill}


def _present(facts: Manifest) -> Manifest:
    """Drop empty lists, which mean the same as absent fields."""
    return {
        key: _present(value) if isinstance(value, dict) else value
        for key, value in facts.items()
        if value != []
    }


def _container(incident: Incident) -> ContainerReference:
    facts, cgroup = incident.container, incident.counter_range.container
    found = cgroup.container_id if cgroup else None
    if facts is None:
        other = None if incident.other_cgroup is None else escaped(incident.other_cgroup, _PATH_MAX)
        candidates = incident.candidates[:MAX_CANDIDATES]
        return ContainerReference(id=found, candidates=candidates, other_cgroup=other)
    sub = None if incident.sub_cgroup is None else escaped(incident.sub_cgroup, _PATH_MAX)
    return ContainerReference(name=facts.name, type=facts.type, id=found, sub_cgroup=sub)


def _numa(incident: Incident) -> NumaReference | None:
    numa = incident.verdict.numa
    if numa is None:
        return None
    return NumaReference(
        constraint=numa.constraint,
        mems_allowed=_node_list(numa.mems_allowed),
        nodemask=_node_list(numa.nodemask),
    )


def _node_list(text: str | None) -> str | None:
    """Return a list of NUMA nodes, cut; None if it is none (Linux lib/vsprintf.c, bitmap_list)."""
    found = _NODE_LIST.match(text or "")
    return found[0] if found else None


def escaped(name: str, most: int) -> str:
    """Escape what cannot be printed in a name that tenants chose, and cut it."""
    return printable(name.encode("utf-8", "backslashreplace"))[:most]


def _victim(victim: Killed) -> Victim:
    return Victim(
        pid=victim.pid,
        command=printable(victim.comm)[:MAX_COMM_LENGTH],
        anon_rss=format_bytes(victim.anon_rss),
        file_rss=format_bytes(victim.file_rss),
        shmem_rss=format_bytes(victim.shmem_rss),
        total_vm=format_bytes(victim.total_vm),
        page_tables=format_bytes(victim.page_tables),
        oom_score_adj=victim.oom_score_adj,
        uid=victim.uid,
    )


def _memory(timeline: MemoryTimeline, limit: int | None) -> Memory:
    verdict = judge_timeline(timeline, limit)
    return Memory(
        at=timestamp(timeline.last.at),
        usage=format_bytes(timeline.last.usage),
        detail=None if timeline.detail is None else _detail(timeline.detail),
        samples=tuple(_sample(sample) for sample in timeline.samples),
        history=tuple(_reading(sample) for sample in thin(timeline.history, MAX_HISTORY)),
        pattern=MemoryPattern(name=verdict.pattern, evidence=verdict.evidence),
    )


def _sample(sample: UsageSample) -> MemorySample:
    return MemorySample(at=timestamp(sample.at), usage=format_bytes(sample.usage))


def _reading(sample: UsageSample) -> MemorySample:
    """Return a sample whose time is in whole seconds: there are many in a record."""
    at = timestamp(sample.at).partition(".")[0]
    return MemorySample(at=f"{at}Z", usage=format_bytes(sample.usage))


def _detail(detail: UsageDetail) -> MemoryDetail:
    return MemoryDetail(
        **_parts(detail),
        process_count=detail.process_count,
        processes=tuple(
            ProcessMemory(
                pid=process.pid,
                command=printable(process.command)[:MAX_COMM_LENGTH],
                rss=format_bytes(process.rss),
                oom_score_adj=process.oom_score_adj,
            )
            for process in detail.processes
        ),
    )


def _parts(detail: UsageDetail) -> dict[str, str]:
    """Return the parts of charged memory. Parts that only some kernels report are left out if 0."""
    found = {"at": timestamp(detail.sample.at), "usage": format_bytes(detail.sample.usage)}
    kinds = detail.composition and detail.composition.within(detail.sample.usage)
    for name in kinds.__struct_fields__ if kinds else ():
        size = getattr(kinds, name)
        if size or name in _ALWAYS:
            found[name] = format_bytes(size)
    return found


def timestamp(seconds: float) -> str:
    """Format wall-clock seconds as RFC 3339 with microseconds, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def remaining_record(kill: Manifest, covered_to: int) -> Manifest:
    """Return the record of what another record with the same start does not cover.

    Args:
        kill: The record.
        covered_to: Where the other record's range ends.
    """
    evidence = {**kill["evidence"], "from": covered_to}
    evidence.pop("containers", None)  # unknown: the containers of the other record
    covered = covered_to - kill["evidence"]["from"]
    rest = {**kill, "evidence": evidence, "kills": max(kill["kills"] - covered, 1)}
    return {**rest, "metadata": {**kill["metadata"], "name": name_of(rest)}}
