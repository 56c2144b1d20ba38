"""What filled the memory."""

from datetime import datetime

from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import FilledMemory, FilledPart
from oomwarden.core.explanation.wording import amount, listed
from oomwarden.core.history.kill_record import (
    KillRecord,
    RecordedVictim,
    bytes_at,
    text_at,
    time_at,
)
from oomwarden.core.incidents.largest_part import largest_part_before, victims_held_most
from oomwarden.core.incidents.memory_history import UsageDetail, UsageSample
from oomwarden.core.kernel_log.events import Killed
from oomwarden.core.objects.json_parts import Json, object_at
from oomwarden.core.parse.memory_stat import Composition
from oomwarden.core.records.filled import FILLED
from oomwarden.core.workloads.pod_parts import memory_volumes

_KEYS = {
    "anon": "anon",
    "file": "file",
    "shmem": "shmem",
    "slab": "slab",
    "sock": "sock",
    "page_tables": "pageTables",
    "kernel_stack": "kernelStack",
    "percpu": "percpu",
    "vmalloc": "vmalloc",
    "zswap": "zswap",
    "hugetlb": "hugetlb",
    "kernel_other": "kernelOther",
    "swap": "swap",
}
"""The keys of a record, by the field of `Composition`."""
_NAMES = {
    "anon": "anon",
    "file": "page cache",
    "shmem": "tmpfs, shared",
    "slab": "slab",
    "sock": "sockets",
    "page_tables": "page tables",
    "kernel_stack": "kernel stacks",
    "percpu": "per-CPU data",
    "vmalloc": "vmalloc",
    "zswap": "zswap",
    "hugetlb": "huge pages",
    "kernel_other": "other kernel",
}
_RETAINED = 0.25
"""From this share of the limit on, tmpfs that outlived the kill is worth a word."""
_ANON = "was anonymous memory: heaps and stacks of its processes"


def filled_memory(facts: KnownFacts) -> FilledMemory:
    """Return the parts of the memory, and a sentence about the largest."""
    record = facts.record
    detail = object_at(object_at(record.manifest, "memory"), "detail")
    parts = {field: bytes_at(detail, key) for field, key in _KEYS.items()}
    retained = _retained(record)
    if parts["anon"] is None and parts["file"] is None:
        return _from_victims(facts, retained)
    kinds = Composition(**{field: size or 0 for field, size in parts.items()})
    usage = bytes_at(detail, "usage") or sum(_shares(kinds).values())
    largest = _largest(record, kinds, usage)
    size = _shares(kinds)[largest]
    sentences = [f"{_most(size, usage)} {FILLED.get(largest, _ANON)}."]
    if kinds.swap:
        sentences.append(f"Another {amount(kinds.swap)} was in swap, which is not part of it.")
    return FilledMemory(
        source=_when(record.found, detail),
        total_bytes=usage,
        parts=tuple(FilledPart(_NAMES[key], part) for key, part in _sorted(kinds)),
        largest=largest,
        retained_tmpfs_bytes=retained,
        sentences=(*sentences, *_about_retained(facts, retained)),
    )


def _shares(kinds: Composition) -> dict[str, int]:
    shares = {key: getattr(kinds, key) for key in _NAMES}
    shares["file"] = max(kinds.file - kinds.shmem, 0)
    return shares


def _sorted(kinds: Composition) -> list[tuple[str, int]]:
    shares = [(key, size) for key, size in _shares(kinds).items() if size]
    return sorted(shares, key=lambda each: -each[1])


def _largest(record: KillRecord, kinds: Composition, usage: int) -> str:
    before = UsageDetail(UsageSample(0.0, usage), kinds, 0)
    killed = [_killed(each) for each in record.victims]
    found = largest_part_before(before, killed, record.limit)
    if found is not None:
        return found.part
    if victims_held_most(killed, record.limit):
        return "anon"
    shares = _shares(kinds)
    return max(shares, key=lambda key: shares[key])


def _killed(victim: RecordedVictim) -> Killed:
    size = victim.sizes.get
    return Killed(
        None,
        victim.pid or 0,
        b"",
        size("totalVM", 0),
        size("anonRSS", 0),
        size("fileRSS", 0),
        size("shmemRSS", 0),
        victim.uid or 0,
        size("pageTables", 0),
        victim.oom_score_adj or 0,
    )


def _most(size: int, usage: int) -> str:
    share = "Most" if size * 2 > usage else "The largest part"
    return f"{share} of the memory, {amount(size)} of {amount(usage)},"


def _when(found: datetime | None, detail: Json) -> str:
    at = time_at(detail, "at")
    if at is None or found is None:
        return "read before the kill"
    seconds = round((found - at).total_seconds())
    return f"read {seconds} s before the kill" if seconds > 0 else "read right before the kill"


def _from_victims(facts: KnownFacts, retained: int) -> FilledMemory:
    """Return what is known from the kernel's lines about the victims alone."""
    names = {"anonRSS": "anon", "fileRSS": "files", "shmemRSS": "tmpfs, shared"}
    names |= {"pageTables": "page tables"}
    sizes = {
        name: sum(each.sizes.get(key, 0) for each in facts.record.victims)
        for key, name in names.items()
    }
    known = [FilledPart(name, size) for name, size in sizes.items() if size]
    total = sum(each.bytes for each in known)
    if retained:
        known.append(FilledPart("tmpfs of pod", retained))
    known.sort(key=lambda each: -each.bytes)
    unknown = "The container was not seen near its limit, so the other parts are unknown."
    killed = [_killed(each) for each in facts.record.victims]
    held = victims_held_most(killed, facts.record.limit)
    return FilledMemory(
        source=_source_without_detail(known, retained),
        total_bytes=facts.record.limit or total or None,
        parts=tuple(known),
        largest="shmem" if retained else "anon" if held else None,
        retained_tmpfs_bytes=retained,
        sentences=(*_about_retained(facts, retained), unknown),
    )


def _source_without_detail(known: list[FilledPart], retained: int) -> str:
    if not known:
        return "unknown"
    which = "the rest of these figures is" if retained else "these are figures"
    return f"{which} of the killed processes alone"


def _retained(record: KillRecord) -> int:
    """Return the tmpfs that was charged to the pod after the kill, if it is much."""
    shmem = bytes_at(object_at(record.manifest, "podMemory"), "shmem") or 0
    return shmem if record.limit is None or shmem >= record.limit * _RETAINED else 0


def _about_retained(facts: KnownFacts, retained: int) -> tuple[str, ...]:
    if not retained:
        return ()
    volumes = [text_at(each, "name") or "?" for each in memory_volumes(_spec(facts))]
    which = f" (volumes {listed(volumes)})" if volumes else ""
    text = f"{amount(retained)} of tmpfs{which} was still there after the kill: "
    return (f"{text}a restart does not free it.",)


def _spec(facts: KnownFacts) -> Json:
    return object_at(facts.pod, "spec") or (facts.template.spec if facts.template else {})
