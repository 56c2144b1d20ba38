"""Memory before the kill, and its pattern."""

from collections.abc import Iterator
from datetime import datetime

from oomwarden.api.oomkill import Cause
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import UsageCurve
from oomwarden.core.history.kill_record import KillRecord, bytes_at, text_at, time_at
from oomwarden.core.objects.json_parts import Json, object_at, objects_at
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint, Verdict
from oomwarden.core.workloads.pod_parts import memory_at

MAX_POINTS = 2000
_SERIES = ("history", "samples")


def usage_curve(facts: KnownFacts) -> UsageCurve:
    """Return the readings before the kill, and what they look like."""
    points = tuple(usage_points(facts.record))
    limit = container_limit(facts)
    verdict = _pattern(facts.record, points, limit)
    return UsageCurve(
        points=points,
        peak_bytes=max((each.usage for each in points), default=None),
        limit_bytes=limit,
        is_limit_hit=facts.record.cause == Cause.CONTAINER_LIMIT,
        pattern=verdict.pattern,
        evidence=verdict.evidence,
    )


def container_limit(facts: KnownFacts) -> int | None:
    """Return the container's own limit at the kill, in bytes; None if there is none."""
    if facts.record.cause == Cause.CONTAINER_LIMIT:
        return facts.record.limit
    of_pod = facts.record.cause == Cause.POD_LIMIT
    own = memory_at(facts.container.container, "limits") if facts.container else None
    is_alone = len(objects_at(object_at(facts.pod, "spec"), "containers")) == 1
    return facts.record.limit if own is None and of_pod and is_alone else own


def usage_points(record: KillRecord) -> list[UsagePoint]:
    """Return all readings in a record, the oldest first, in seconds relative to the kill."""
    end = record.found
    if end is None:
        return []
    known = {at: usage for at, usage in _readings(record) if at <= end}
    return [UsagePoint((at - end).total_seconds(), known[at]) for at in sorted(known)[-MAX_POINTS:]]


def _readings(record: KillRecord) -> Iterator[tuple[datetime, int]]:
    memory = object_at(record.manifest, "memory")
    single = [object_at(memory, "detail"), memory]
    for each in [one for key in _SERIES for one in objects_at(memory, key)] + single:
        at, usage = time_at(each, "at"), bytes_at(each, "usage")
        if at is not None and usage is not None and usage >= 0:
            yield at, usage


def _pattern(record: KillRecord, points: tuple[UsagePoint, ...], limit: int | None) -> Verdict:
    recorded = object_at(object_at(record.manifest, "memory"), "pattern")
    if recorded:
        return _read_pattern(recorded)
    if not points:
        return Verdict(Pattern.UNKNOWN, "the container's memory was not observed before the kill")
    return classify(points, limit)


def _read_pattern(recorded: Json) -> Verdict:
    name, evidence = text_at(recorded, "name"), text_at(recorded, "evidence") or ""
    if name in set(Pattern):
        return Verdict(Pattern(name), evidence)
    return Verdict(Pattern.UNKNOWN, evidence or "this version does not know the recorded pattern")
