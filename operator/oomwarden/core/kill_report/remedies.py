"""What to do about a workload: the judgment of `kubectl oom why` on one of its kills."""

from collections.abc import Sequence

from msgspec import Struct

from oomwarden.core.explanation.explain import explain
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import KillStory, NextStep
from oomwarden.core.history.filters import newest_first
from oomwarden.core.history.kill_record import KillRecord
from oomwarden.core.kill_report.causes import kills_by_cause
from oomwarden.core.kill_report.groups import WorkloadKills, count_kills, grouped, workload_of
from oomwarden.core.kill_report.responses import response_to
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.objects.json_parts import object_at, objects_at
from oomwarden.core.usage_pattern.verdict import Pattern
from oomwarden.core.workloads.owner import OwnerObject, known_resource, reference_of_kind

MAX_REMEDIES = 10


class Remedy(Struct, frozen=True):
    """What to do about one workload.

    Attributes:
        cause: The cause that most of its kills have.
        record: The kill that was judged: the latest of that cause, with readings if there is one.
        seen: What was judged: what filled the memory, and how it had developed.
        steps: What to do, the most useful first.
    """

    namespace: str
    workload: str
    container: str | None
    kills: int
    cause: str
    record: str
    seen: tuple[str, ...]
    steps: tuple[NextStep, ...]


def remedies(
    records: Sequence[KillRecord], workloads: Sequence[WorkloadKills]
) -> tuple[Remedy, ...]:
    """Return what to do about the workloads with the most kills."""
    groups = grouped(records, workload_of)
    return tuple(
        _remedy(groups[each.namespace, each.workload]) for each in workloads[:MAX_REMEDIES]
    )


def told_by_record(record: KillRecord, others: Sequence[KillRecord] = ()) -> KillStory:
    """Return the story of a kill as the records alone have it: pods of a review are mostly gone."""
    owners = []
    if record.owner:
        reference = reference_of_kind(*record.owner)
        owners.append(OwnerObject(reference, known_resource(reference) or ""))
    return explain(KnownFacts(record, owners=owners, others=others))


def has_readings(record: KillRecord) -> bool:
    """Return whether a record has the course of the memory."""
    return bool(objects_at(object_at(record.manifest, "memory"), "samples"))


def _remedy(records: list[KillRecord]) -> Remedy:
    cause = kills_by_cause(records)[0][0]
    latest = newest_first([each for each in records if each.cause == cause])
    record = next((each for each in latest if has_readings(each)), latest[0])
    story = told_by_record(record, records)
    return Remedy(
        namespace=record.namespace,
        workload=record.workload,
        container=record.container,
        kills=count_kills(records),
        cause=cause,
        record=record.name,
        seen=_seen(story),
        steps=(*_raised(latest), *story.next_steps),
    )


def _seen(story: KillStory) -> tuple[str, ...]:
    if story.usage.pattern is Pattern.UNKNOWN:
        return story.filled.sentences
    evidence = story.usage.evidence.rstrip(".")
    return (*story.filled.sentences, f"{story.usage.pattern}: {evidence}.")


def _raised(latest: list[KillRecord]) -> tuple[NextStep, ...]:
    """Return what a policy has already done, if it did."""
    for record in latest:
        response = response_to(record)
        if response and response.is_raise and response.limit_bytes:
            limit = format_bytes(response.limit_bytes)
            text = f"A policy has raised the limit of a pod to {limit}, as long as that pod lives"
            return (NextStep(f"{text}: its response has the command that keeps it."),)
    return ()
