"""Parse the `oom-kill:` line (since 5.0) as text, whole or cut, in one record or several."""

import re

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.kernel_log.oom_report import Interpretation, head, interpret, known_part

_NUMA = ("CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY")
_TAIL = re.compile(r",pid=(\d{1,10}),uid=(-?\d{1,10})")
_TASK = re.compile(r",task=(.{0,64}?)(?:,pid=(\d{1,10}))?$", re.DOTALL)
# A kernel without memory cgroups names none. People leave out what seems unimportant to them.
_CONSTRAINT = re.compile(r"oom-kill:constraint=(CONSTRAINT_\w+)")
_NO_CGROUPS = re.compile(
    r"oom-kill:constraint=\w+,nodemask=[^,]*(?:,cpuset=.*,mems_allowed=[^,]*)?$"
)
_LEFT_OUT = re.compile(r"\.\.\.|\u2026|\[snip\]|[,\s]\.\.[,\s]")
_FIELD = re.compile(r"[,\s](oom_memcg|task_memcg)=(/[^,\s]*)")
_VICTIM = re.compile(r"[,\s]task=(.{0,64}?),pid=(\d{1,10}),uid=(-?\d{1,10})$", re.DOTALL)
_ID_WRAP = 1 << 32


class ConstraintFacts(Struct, frozen=True):
    """What an `oom-kill:` line says; None is unknown.

    Attributes:
        of: `machine` or `cgroup`.
        constraint: The kernel's constant, such as CONSTRAINT_MEMCG.
        numa_nodes: The NUMA nodes that ran out of memory, if others may have memory free.
        limit_of: The cgroup whose limit was hit.
        place: The victim's cgroup.
        is_ambiguous: Whether a cgroup's name makes the line ambiguous.
    """

    of: str | None = None
    constraint: str | None = None
    numa_nodes: str | None = None
    limit_of: str | None = None
    place: str | None = None
    comm: str | None = None
    pid: int | None = None
    uid: int | None = None
    is_ambiguous: bool = False


def is_whole(text: str) -> bool:
    """Return whether the line has its last field."""
    return _TAIL.search(text) is not None


def constraint_facts(text: str, comm: str | None = None) -> ConstraintFacts:
    """Parse the line.

    Args:
        text: From `oom-kill:` on; pieces are joined without anything between them.
        comm: The victim's comm, which decides if the line is ambiguous.
    """
    tails = list(_TAIL.finditer(text))
    whole = text[: tails[-1].end()] if tails else text.rstrip().rstrip("\"'")
    raw = whole.encode()
    first = head(raw)
    if first is None or _LEFT_OUT.search(whole) or _NO_CGROUPS.match(whole.partition(",task=")[0]):
        return _plain(whole)
    numa = (first.mems_allowed or first.nodemask) if first.constraint in _NUMA else None
    found = interpret(raw) if tails else []
    if not tails:
        return _cut(raw, whole, first.constraint, numa)
    uid = int(tails[-1][2]) % _ID_WRAP
    if not found:
        return _cut(raw, whole, first.constraint, numa)
    paths = {(each.oom_memcg, each.task_memcg) for each in found}
    fitting = found if len(paths) == 1 else [e for e in found if e.comm == (comm or "").encode()]
    if len({(e.oom_memcg, e.task_memcg) for e in fitting}) != 1:
        return ConstraintFacts(constraint=first.constraint, is_ambiguous=True)
    return _facts(fitting[0], first.constraint, numa, uid)


def _plain(text: str) -> ConstraintFacts:
    """Parse a line without cgroups, or one from which fields were left out."""
    constraint = _CONSTRAINT.match(text)
    if constraint is None:
        return ConstraintFacts()
    paths = dict(_FIELD.findall(text))
    victim = _VICTIM.search(text)
    found = ConstraintFacts(
        of="cgroup" if "oom_memcg" in paths else _of(constraint[1]),
        constraint=constraint[1],
        limit_of=paths.get("oom_memcg"),
        place=paths.get("task_memcg"),
    )
    if victim is None:
        return found
    uid = int(victim[3]) % _ID_WRAP
    return replace(found, comm=victim[1], pid=int(victim[2]), uid=uid)


def _cut(raw: bytes, text: str, constraint: str, numa: str | None) -> ConstraintFacts:
    known = known_part(raw)
    task = _TASK.search(text)
    if known is None:
        of = None if constraint == "CONSTRAINT_NONE" else _of(constraint)
        return ConstraintFacts(of, constraint, numa)
    facts = _facts(known, constraint, numa, None)
    if task is None:
        return facts
    pid = int(task[2]) if task[2] else None
    return replace(facts, comm=task[1], pid=pid)


def _of(constraint: str) -> str:
    return "cgroup" if constraint == "CONSTRAINT_MEMCG" else "machine"


def _facts(
    found: Interpretation, constraint: str, numa: str | None, uid: int | None
) -> ConstraintFacts:
    limit_of = _text(found.oom_memcg)
    return ConstraintFacts(
        of="machine" if limit_of is None else "cgroup",
        constraint=constraint,
        numa_nodes=numa if limit_of is None else None,
        limit_of=limit_of,
        place=_text(found.task_memcg),
        comm=_text(found.comm),
        pid=found.pid,
        uid=uid,
    )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "backslashreplace")
