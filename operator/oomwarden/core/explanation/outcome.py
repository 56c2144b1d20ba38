"""Who was killed and who lived."""

from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import KillOutcome, Sentences, StoryVictim
from oomwarden.core.explanation.wording import amount, listed
from oomwarden.core.history.kill_record import (
    KillRecord,
    RecordedVictim,
    bytes_at,
    number_at,
    text_at,
    time_at,
)
from oomwarden.core.objects.json_parts import object_at, objects_at
from oomwarden.core.workloads.pod_parts import statuses

MAX_SHOWN = 3
_SIZES = {"anonRSS": "anon", "fileRSS": "files", "shmemRSS": "shared", "pageTables": "page tables"}
_UNKNOWN = "unknown: the kernel log has no line of the victim"


def kill_outcome(facts: KnownFacts) -> KillOutcome:
    """Return who was killed and who lived."""
    record = facts.record
    largest_first = sorted(record.victims, key=_resident, reverse=True)
    victims = tuple(
        StoryVictim(each.pid, each.command, each.oom_score_adj, each.uid, dict(each.sizes))
        for each in largest_first
    )
    return KillOutcome(victims, record.group_kill, _killed(record, largest_first), _lived(facts))


def _resident(victim: RecordedVictim) -> int:
    return sum(victim.sizes.get(each, 0) for each in ("anonRSS", "fileRSS", "shmemRSS"))


def _killed(record: KillRecord, victims: list[RecordedVictim]) -> Sentences:
    lines = [_victim(each) for each in victims[:MAX_SHOWN]] or [_UNKNOWN]
    if more := len(victims) - MAX_SHOWN:
        lines += [f"and {more} more"] if more > 0 else []
    return (*lines, *_how(record))


def _victim(victim: RecordedVictim) -> str:
    pid = f" (pid {victim.pid})" if victim.pid is not None else ""
    parts = [
        f"{name} {amount(victim.sizes[key])}"
        for key, name in _SIZES.items()
        if victim.sizes.get(key)
    ]
    sizes = f": {', '.join(parts)}" if parts else ": its memory is unknown"
    return f"{victim.command or 'unknown process'}{pid}{sizes}"


def _how(record: KillRecord) -> Sentences:
    other = text_at(object_at(record.manifest, "container"), "otherCgroup")
    if other:
        return (f"It was outside the pod's containers, in cgroup {other}.",)
    if record.kills > 1:
        return (f"This record covers {record.kills} kills; the processes are examples.",)
    if record.group_kill:
        return ("The kernel killed the whole container (memory.oom.group is 1).",)
    if record.group_kill is None:
        return ("It is unknown whether the kernel killed the whole container.",)
    return ()


def _lived(facts: KnownFacts) -> Sentences:
    return (*_processes(facts.record), *_containers(facts)) or (_nobody(facts),)


def _nobody(facts: KnownFacts) -> str:
    if facts.pod is None or facts.record.container is None:
        return "unknown"
    if facts.record.group_kill:
        return "none: the pod has no other container that ran then"
    return "unknown: no other process was seen before the kill"


def _processes(record: KillRecord) -> Sentences:
    """Return the large processes that were seen before the kill and are not among the victims."""
    if record.group_kill or record.kills > 1:
        return ()
    killed = {each.pid for each in record.victims}
    detail = object_at(object_at(record.manifest, "memory"), "detail")
    if not record.victims:
        return ()
    return tuple(
        f"{text_at(each, 'command') or 'unknown'} (pid {pid}, {amount(bytes_at(each, 'rss'))})"
        for each in objects_at(detail, "processes")
        if (pid := number_at(each, "pid")) is not None and pid not in killed
    )


def _containers(facts: KnownFacts) -> Sentences:
    """Return the pod's other containers that have run since before the kill."""
    found = facts.record.found
    lived = []
    for each in statuses(facts.pod):
        started = time_at(object_at(object_at(each, "state"), "running"), "startedAt")
        name = text_at(each, "name")
        if name and name not in facts.record.containers and started and found and started <= found:
            lived.append(name)
    if not lived:
        return ()
    return (f"{'containers' if len(lived) > 1 else 'container'} {listed(lived)} of the pod",)
