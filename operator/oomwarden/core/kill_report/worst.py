"""The kills that a report shows with the memory before them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from oomwarden.core.explanation.story import FilledMemory, UsageCurve
from oomwarden.core.history.kill_record import KillRecord, RecordedVictim
from oomwarden.core.kill_report.groups import WorkloadKills, grouped, workload_of
from oomwarden.core.kill_report.remedies import has_readings, told_by_record

MAX_WORST = 6
MAX_OF_WORKLOAD = 3
MAX_VICTIMS = 5


class WorstKill(Struct, frozen=True):
    """A kill of one of the workloads that are killed most.

    Attributes:
        containers: The container, or the candidates.
        victims: The largest killed processes.
        victims_left_out: How many more there are.
        usage: The memory before the kill.
        filled: What filled it.
        policy: The policy that governed the container, as kind/name.
    """

    namespace: str
    record: str
    workload: str
    pod: str | None
    containers: tuple[str, ...]
    node: str | None
    cause: str
    kills: int
    limit_bytes: int | None
    found: datetime | None
    group_kill: bool | None
    policy: str | None
    victims: tuple[RecordedVictim, ...]
    victims_left_out: int
    usage: UsageCurve
    filled: FilledMemory


def worst_kills(
    records: Sequence[KillRecord], workloads: Sequence[WorkloadKills]
) -> tuple[WorstKill, ...]:
    """Return one kill of each of the worst workloads, then a second one, up to MAX_WORST.

    Records with readings of the memory come first, then those of many kills, then the latest.

    Args:
        records: The records of the period.
        workloads: The workloads, the one with the most kills first.
    """
    groups = grouped(records, workload_of)
    candidates = [
        sorted(groups[each.namespace, each.workload], key=_weight)[:MAX_OF_WORKLOAD]
        for each in workloads[:MAX_WORST]
    ]
    rounds = (
        group[number]
        for number in range(MAX_OF_WORKLOAD)
        for group in candidates
        if number < len(group)
    )
    return tuple(_worst(each) for each, _ in zip(rounds, range(MAX_WORST), strict=False))


def _weight(record: KillRecord) -> tuple[bool, int, float, str]:
    found = record.found.timestamp() if record.found else 0.0
    return not has_readings(record), -record.kills, -found, record.name


def _worst(record: KillRecord) -> WorstKill:
    story = told_by_record(record)
    largest_first = sorted(record.victims, key=_resident, reverse=True)
    return WorstKill(
        namespace=record.namespace,
        record=record.name,
        workload=record.workload,
        pod=record.pod,
        containers=record.containers,
        node=record.node,
        cause=record.cause,
        kills=record.kills,
        limit_bytes=record.limit,
        found=record.found,
        group_kill=record.group_kill,
        policy="/".join(record.policy) if record.policy else None,
        victims=tuple(largest_first[:MAX_VICTIMS]),
        victims_left_out=max(len(largest_first) - MAX_VICTIMS, 0),
        usage=story.usage,
        filled=story.filled,
    )


def _resident(victim: RecordedVictim) -> int:
    return sum(victim.sizes.get(key, 0) for key in ("anonRSS", "fileRSS", "shmemRSS"))
