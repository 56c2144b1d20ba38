"""A container's memory before a kill, as its record has it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from oomwarden.api.oomkill import Cause
from oomwarden.core.history.kill_record import KillRecord, bytes_at, text_at, time_at
from oomwarden.core.objects.json_parts import Json, object_at, objects_at
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint, Verdict

MAX_POINTS = 600
"""Points that a chart shows; a newer agent may record more."""
_SERIES = ("history", "samples")
_PARTS = {
    "anon": "Heaps and stacks (anon)",
    "file": "Page cache (file)",
    "shmem": "tmpfs and shared memory (shmem)",
    "slab": "Kernel objects (slab)",
    "sock": "Network buffers (sock)",
    "pageTables": "Page tables",
    "kernelStack": "Kernel stacks",
    "percpu": "Per-CPU data",
    "vmalloc": "Kernel mappings (vmalloc)",
    "zswap": "Compressed memory (zswap)",
    "hugetlb": "Huge pages",
    "kernelOther": "Other kernel memory",
}
"""Names for people, by the field of a record."""
_UNREAD = Verdict(Pattern.UNKNOWN, "its memory was not observed before the kill")


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """A part of the memory.

    Attributes:
        field: Its field in a record, such as anon.
        title: Its name for people.
        size_bytes: Without tmpfs for page cache.
    """

    field: str
    title: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryBefore:
    """A container's memory before a kill.

    Attributes:
        points: Usage in bytes; seconds before the kill was found, as negative numbers.
        parts: What it consisted of shortly before, the largest first; empty if it is unknown.
        parts_total_bytes: The usage that the parts are a share of.
        retained_tmpfs_bytes: tmpfs that was still charged to the pod after the kill.
    """

    points: tuple[UsagePoint, ...]
    pattern: Verdict
    parts: tuple[MemoryPart, ...]
    parts_total_bytes: int | None
    retained_tmpfs_bytes: int | None


def memory_before(record: KillRecord) -> MemoryBefore:
    """Return what a record has of the memory before the kill."""
    memory = object_at(record.manifest, "memory")
    detail = object_at(memory, "detail")
    points = tuple(_points(memory, record.found))
    parts = tuple(_parts(detail))
    return MemoryBefore(
        points=points,
        pattern=_pattern(memory, points, own_limit(record)),
        parts=parts,
        parts_total_bytes=bytes_at(detail, "usage") if parts else None,
        retained_tmpfs_bytes=bytes_at(object_at(record.manifest, "podMemory"), "shmem"),
    )


def own_limit(record: KillRecord) -> int | None:
    """Return the limit that a container's usage can be compared with, in bytes."""
    return record.limit if record.cause == Cause.CONTAINER_LIMIT else None


def _points(memory: Json, found: datetime | None) -> list[UsagePoint]:
    if found is None:
        return []
    usage = {at: size for at, size in _readings(memory) if at <= found}
    return [
        UsagePoint((at - found).total_seconds(), usage[at]) for at in sorted(usage)[-MAX_POINTS:]
    ]


def _readings(memory: Json) -> Iterator[tuple[datetime, int]]:
    listed = [each for key in _SERIES for each in objects_at(memory, key)]
    for each in (*listed, object_at(memory, "detail"), memory):
        at, usage = time_at(each, "at"), bytes_at(each, "usage")
        if at is not None and usage is not None and usage >= 0:
            yield at, usage


def _parts(detail: Json) -> list[MemoryPart]:
    sizes = {field: bytes_at(detail, field) or 0 for field in _PARTS}
    sizes["file"] = max(sizes["file"] - sizes["shmem"], 0)
    known = [MemoryPart(field, _PARTS[field], size) for field, size in sizes.items() if size > 0]
    return sorted(known, key=lambda each: -each.size_bytes)


def _pattern(memory: Json, points: Sequence[UsagePoint], limit: int | None) -> Verdict:
    """Return the pattern that the agent recorded, which knew more; an older one recorded none."""
    recorded = object_at(memory, "pattern")
    name, evidence = text_at(recorded, "name"), text_at(recorded, "evidence")
    if name in set(Pattern):
        return Verdict(Pattern(name), evidence or "")
    return classify(points, limit) if points else _UNREAD
