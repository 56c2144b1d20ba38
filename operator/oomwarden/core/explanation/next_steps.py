"""What to do next: one to three steps, the most useful first."""

from msgspec import Struct

from oomwarden.api.oomkill import Cause
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.limit_origin import template_limit
from oomwarden.core.explanation.patching import (
    container_step,
    pod_step,
    volume_step,
    with_remarks,
)
from oomwarden.core.explanation.story import FilledMemory, NextStep, UsageCurve
from oomwarden.core.explanation.wording import amount, times
from oomwarden.core.history.earlier import EarlierKills
from oomwarden.core.history.kill_record import bytes_at, text_at
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.objects.object_names import is_object_name
from oomwarden.core.usage_pattern.verdict import Pattern
from oomwarden.core.workloads.pod_parts import memory_at
from oomwarden.core.workloads.suggested_size import HEADROOM, with_headroom

MAX_STEPS = 3
_OFTEN = 2
"""From this many earlier kills at lower limits on, a higher limit alone is no answer."""
_BY_PATTERN = {
    Pattern.LEAK: "Find the leak: a higher limit only delays the next kill. Take a heap profile "
    "while it grows.",
    Pattern.SPIKE: "Find what needs that much at once: a large request, a batch, a query. Smaller "
    "batches or less concurrency lower the peak.",
    Pattern.STARTUP: "It was killed while starting: it needs more than its limit to start, or "
    "starts with too large a heap or cache.",
    Pattern.SAWTOOTH: "If its runtime collects garbage, set the heap's maximum below the limit "
    "(-XX:MaxRAMPercentage, GOMEMLIMIT, --max-old-space-size).",
}
_BY_PART = {
    "file": "The kernel could not drop its page cache: look for mlock, or for writes that the disk "
    "is too slow for.",
    "slab": "Look for a process that visits very many files: slab is mostly their inodes and "
    "directory entries.",
    "sock": "Look for connections whose other side reads too slowly.",
    "kernel_stack": "Look for a process that starts too many threads.",
    "page_tables": "Use fewer or smaller mappings, fewer processes, or huge pages.",
}
_NUMA = (
    "Allow more NUMA nodes (cpuset, the kubelet's Memory Manager, numactl), or check what else "
    "uses these."
)


class _Findings(Struct, frozen=True):
    facts: KnownFacts
    usage: UsageCurve
    filled: FilledMemory
    earlier: EarlierKills


def next_steps(
    facts: KnownFacts, usage: UsageCurve, filled: FilledMemory, earlier: EarlierKills
) -> tuple[NextStep, ...]:
    """Return the steps."""
    found = _Findings(facts, usage, filled, earlier)
    cause = facts.record.cause
    if cause in {Cause.CONTAINER_LIMIT, Cause.POD_LIMIT}:
        steps = _at_limit(found)
    elif cause == Cause.NUMA_NODES_OUT_OF_MEMORY:
        steps = [NextStep(_NUMA)]
    elif cause in {Cause.NODE_OUT_OF_MEMORY, Cause.NODE_ALLOCATABLE}:
        steps = _of_node(found)
    else:
        steps = [NextStep("See whether its memory grew: kubectl oom leak.")]
    return tuple(steps[:MAX_STEPS])


def _at_limit(found: _Findings) -> list[NextStep]:
    tmpfs = max(found.filled.retained_tmpfs_bytes, _tmpfs(found.filled))
    limit = found.facts.record.limit or 0
    if tmpfs:
        first = [_limit_tmpfs(found, tmpfs)]
        return first if limit and tmpfs * 2 > limit else [*first, *_raise(found)]
    if found.filled.largest in _BY_PART:
        return [NextStep(_BY_PART[found.filled.largest]), *_raise(found)]
    about = _BY_PATTERN.get(found.usage.pattern)
    if about is None and len(found.earlier.limits_bytes) > _OFTEN:
        about = "Find what grows: each higher limit filled up, too."
    return [*([NextStep(about)] if about else []), *_raise(found)]


def _tmpfs(filled: FilledMemory) -> int:
    sizes = (each.bytes for each in filled.parts if each.name.startswith("tmpfs"))
    return max(sizes, default=0) if filled.largest == "shmem" else 0


def _limit_tmpfs(found: _Findings, size: int) -> NextStep:
    text = (
        f"Delete files from the pod's tmpfs ({amount(size)}), and set a sizeLimit below the limit."
    )
    return volume_step(found.facts, text)


def _raise(found: _Findings) -> list[NextStep]:
    """Return the step that raises the limit, with the arithmetic."""
    facts = found.facts
    limit, peak = facts.record.limit, found.usage.peak_bytes
    if limit is None:
        return [NextStep("Raise its memory limit; the limit that was hit is unknown.")]
    if facts.record.cause == Cause.POD_LIMIT:
        return _raise_pod(found, limit)
    wanted, raised = with_headroom(max(limit, peak or 0)), _raised_limit(facts)
    now = template_limit(facts.template)
    if now is not None and now >= max(wanted, raised or 0):
        text = f"Its template asks for {amount(now)} now: wait whether that is enough."
        return [NextStep(text)]
    if raised is not None and raised >= wanted:
        text = f"Keep the limit of {format_bytes(raised)}, which lasts only as long as the pod."
        step = container_step(facts, text, {"limits": raised, **_request(facts, raised)})
        return [with_remarks(facts, step)]
    seen = f"the peak of {amount(peak)}" if peak and peak > limit else "the limit, which it filled,"
    share = f"{HEADROOM * 100:.0f} %"
    gain = "To gain time, raise" if found.usage.pattern is Pattern.LEAK else "Raise"
    text = f"{gain} its limit to {format_bytes(wanted)}: {seen} plus {share}."
    step = container_step(facts, text, {"limits": wanted, **_request(facts, wanted)})
    return [with_remarks(facts, step), *_raise_automatically(found)]


def _raised_limit(facts: KnownFacts) -> int | None:
    """Return the limit to which a policy has raised it after the kill; None if none has."""
    response = object_at(object_at(facts.record.manifest, "status"), "response")
    return bytes_at(response, "limit") if text_at(response, "action") == "RaisedLimit" else None


def _request(facts: KnownFacts, wanted: int) -> dict[str, int]:
    """Return the request as well if it equals the limit: the pod keeps its QoS class."""
    template = facts.template
    container = template.placed.container if template else {}
    limit, request = memory_at(container, "limits"), memory_at(container, "requests")
    return {"requests": wanted} if request is not None and request == limit else {}


def _raise_pod(found: _Findings, limit: int) -> list[NextStep]:
    facts = found.facts
    spec = facts.template.spec if facts.template else {}
    more = with_headroom(limit) - limit
    if memory_at(spec, "limits"):
        wanted = limit + more
        text = f"Raise the pod's own limit to {format_bytes(wanted)}: a quarter more."
        return [pod_step(facts, text, wanted)]
    own = memory_at(facts.container.container, "limits") if facts.container else None
    text = "The pod's limit is the sum of its containers' limits: raise one of them."
    if own is None:
        return [NextStep(text)]
    step = container_step(facts, text, {"limits": own + more, **_request(facts, own + more)})
    return [with_remarks(facts, step)]


def _raise_automatically(found: _Findings) -> list[NextStep]:
    """Suggest an automatic response for what is killed again and again."""
    count = found.earlier.last_7d
    if count < _OFTEN or found.facts.record.policy or found.usage.pattern is Pattern.LEAK:
        return []
    if not _restarts(found.facts):
        return []
    text = (
        f"It was killed {times(count)} in the 7 days before: onOOM.raiseLimit of an OOMPolicy "
        "raises the limit in place, up to a bound."
    )
    return [NextStep(text)]


def _restarts(facts: KnownFacts) -> bool:
    """Return whether the container goes on after a kill: not an init container, nor a Job's."""
    kind = facts.record.owner[0] if facts.record.owner else ""
    type_ = text_at(object_at(facts.record.manifest, "container"), "type")
    return kind != "Job" and type_ in {"App", "Sidecar"}


def _of_node(found: _Findings) -> list[NextStep]:
    facts = found.facts
    node = facts.record.node
    command = f"kubectl oom rank {node}" if is_object_name(node) else None
    steps = [NextStep("See what else uses the node's memory, and who is next.", command)]
    peak = found.usage.peak_bytes or _held(facts)
    request = memory_at(facts.container.container, "requests") if facts.container else None
    if not peak or (request or 0) >= peak:
        return steps
    wanted = with_headroom(peak)
    asked = f" and requests {amount(request) if request else 'nothing'}" if facts.container else ""
    text = (
        f"It used {amount(peak)}{asked}: request what it needs, so that the scheduler keeps it "
        "free and its score falls."
    )
    limit = memory_at(facts.container.container, "limits") if facts.container else None
    if limit is not None and limit < wanted:
        wanted = limit
    return [with_remarks(facts, container_step(facts, text, {"requests": wanted})), *steps]


def _held(facts: KnownFacts) -> int:
    """Return what the victims held in RAM, in bytes."""
    kinds = ("anonRSS", "fileRSS", "shmemRSS")
    return sum(each.sizes.get(kind, 0) for each in facts.record.victims for kind in kinds)
