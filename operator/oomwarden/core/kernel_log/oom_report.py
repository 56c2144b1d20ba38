"""Parse the OOM killer's lines that name cgroups, whatever the cgroups' names.

Below its own cgroup a container may choose any name without a slash and a newline (Linux
kernel/cgroup/cgroup.c, cgroup_mkdir), and the kernel prints names as they are. A name cannot change
the order of the fields, that a path begins with a slash, that `cpuset=` has a name and no path, and
that the victim is in the cgroup whose limit was hit (mm/oom_kill.c, select_bad_process; 5.10 to
7.2). A text with two interpretations is not used.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from oomwarden.core.kernel_log.printed_paths import (
    AHEAD,
    BEFORE_PATH,
    GROUP_END,
    alternatives,
    are_alternatives,
    if_printed,
    is_path,
    is_within,
    names_container,
)

BEGIN = b"oom-kill:constraint="
GROUP_BEGIN = b"Tasks in "
_COMM_BYTES = 15
# pr_cont's pieces (dump_oom_victim, cpuset_print_current_mems_allowed,
# mem_cgroup_print_oom_context); a record may end between two of them: `\n`.
_MARKS = (
    b",cpuset=",
    b",mems_allowed=",
    b",oom_memcg=",
    b",global_oom",
    b",task_memcg=",
    b",task=",
)
_LOST = BEGIN + b"LOST,nodemask=(null)"
_BEFORE = {
    b",cpuset=": _LOST,
    b",mems_allowed=": _LOST + b",cpuset=",
    b",oom_memcg=/": _LOST + b",cpuset=,mems_allowed=",
}
_HEAD = re.compile(rb"oom-kill:constraint=(\w+),nodemask=(\(null\)|[0-9,-]*)(?=[\n,]|$)")
# The cpuset cgroup's name has no slash, unless it is the root's; so the first path is certain.
# A kernel without CONFIG_CPUSETS prints neither.
_MEMS = re.compile(rb"(?:\n?,cpuset=\n?(?:/|[^/]*)\n?,mems_allowed=([0-9,-]*)(?=[\n,]|$))?")
_WHOSE = re.compile(rb"\n?(?:,oom_memcg=\n?|(,global_oom)\n?,task_memcg=\n?)" + AHEAD)
_TASK = re.compile(rb"\n?,task_memcg=\n?" + AHEAD)
_VICTIM = re.compile(rb"\n?,task=")
# A UID of 2^31 or more, as in a user namespace, is printed as a negative number (%d).
_TAIL = re.compile(rb"(.*),pid=(\d+),uid=-?\d+", re.DOTALL)
_GROUP = re.compile(GROUP_BEGIN + rb"\n?(" + AHEAD + rb"[^\n]*)\n?" + re.escape(GROUP_END))


class Head(Struct, frozen=True):
    """The part of the line before all cgroup names, which cannot be forged.

    Attributes:
        nodemask: A list of NUMA nodes such as 0-1,3; None if there is no such limit, or unknown.
        mems_allowed: A list of NUMA nodes such as 0-1,3; None if it is unknown.
    """

    constraint: str
    nodemask: str | None
    mems_allowed: str | None


class Interpretation(Struct, frozen=True):
    """One way to read the rest of the line.

    Attributes:
        oom_memcg: The cgroup whose limit was hit, or what the kernel prints instead, such as
            `(name too long)`; None if the machine ran out of memory.
        task_memcg: The victim's cgroup; None if it is unknown.
        comm: The victim's comm; None if it is unknown.
        pid: The victim's pid; None if it is unknown.
    """

    oom_memcg: bytes | None
    task_memcg: bytes | None
    comm: bytes | None = None
    pid: int | None = None


def with_head(text: bytes) -> bytes | None:
    """Prepend a head to a later piece of a line; None if it does not say whose limit was hit."""
    lost = (head for begin, head in _BEFORE.items() if text.startswith(begin))
    return next((head + text for head in lost), None)


def is_next_piece(found: Sequence[bytes], text: bytes) -> bool:
    """Return whether a text is the next piece of an `oom-kill:` line.

    The name of the cpuset cgroup may be anything; if it is a piece of its own, it is skipped.
    """
    if text.startswith(_MARKS):
        return True
    before = found[-1]
    if is_path(text):
        is_root = text == b"/" or text.startswith(b"/,mems_allowed=")
        expected = before.endswith(BEFORE_PATH) or (is_root and before.endswith(b",cpuset="))
        return expected or are_alternatives(before, text)
    no_path_yet = not any(b"_memcg=/" in each or each.startswith(b"/") for each in found)
    return no_path_yet and b",mems_allowed=" in text.partition(b"/")[0]


def may_hold_newline(text: bytes) -> bool:
    """Return whether the comm has begun; nothing else in a line can contain a newline."""
    return b",task=" in text


def is_whole(text: bytes) -> bool:
    """Return whether a line has its last field."""
    return b",task=" in text and _TAIL.fullmatch(text) is not None


def head(text: bytes) -> Head | None:
    """Parse the constraint and the NUMA nodes; `text` has a newline between two pieces."""
    found = _HEAD.match(text)
    if found is None:
        return None
    mems = _MEMS.match(text, found.end())
    allowed = mems[1] if mems and _WHOSE.match(text, mems.end()) else None
    nodemask = None if found[2] == b"(null)" else found[2].decode()
    return Head(found[1].decode(), nodemask, None if allowed is None else allowed.decode())


def interpret_pieces(found: Sequence[bytes], between: bytes) -> list[Interpretation]:
    """Return all interpretations of a whole line; `between` joins two of its pieces."""
    lines = alternatives(found)
    found_all = [one for pieces in lines for one in interpret(between.join(pieces))]
    if len(lines) == 1:
        return found_all
    nested = [one for one in found_all if is_within(one.task_memcg, one.oom_memcg)]
    return [one for one in nested if names_container(one.task_memcg)] or nested


def interpret(text: bytes) -> list[Interpretation]:
    """Return all interpretations of a whole line that the kernel could have printed."""
    rest, of_machine = _paths(text)
    found = []
    for victim in _VICTIM.finditer(rest):
        tail = _TAIL.fullmatch(rest, victim.end())
        if tail is None or len(tail[1]) > _COMM_BYTES:
            continue
        for oom, task in _split(rest[: victim.start()], of_machine=of_machine):
            found.append(Interpretation(oom, if_printed(task), tail[1], int(tail[2])))
    return found


def known_part(text: bytes) -> Interpretation | None:
    """Parse a line whose end is missing; None if it does not say whose memory ran out.

    A comma that no field explains belongs to a name: nothing of such a line is used.
    """
    rest, of_machine = _paths(text)
    rest = _VICTIM.split(rest)[0].removesuffix(b",task_memcg=").removesuffix(b"\n")
    if not rest:
        return Interpretation(None, None) if of_machine else None
    plain = b"," not in rest and b"\n" not in rest
    if of_machine:
        return Interpretation(None, if_printed(rest) if plain else None)
    if plain:
        return Interpretation(rest, None)
    found = [Interpretation(oom, task) for oom, task in _split(rest, of_machine=False)]
    if len(found) != 1 or rest.count(b",") != 1:
        return None
    return found[0] if is_within(found[0].task_memcg, found[0].oom_memcg) else None


def is_next_group_piece(found: Sequence[bytes], text: bytes) -> bool:
    """Return whether a text is the next piece of a `Tasks in` line."""
    if text == GROUP_END:
        return len(found) > 1 or names_container(found[0])
    if not is_path(text):
        return False
    return found[-1] == GROUP_BEGIN or are_alternatives(found[-1], text)


def is_group_end(text: bytes) -> bool:
    """Return whether a text is a `Tasks in` line without its head."""
    return text.startswith(b"/") and text.endswith(GROUP_END)


def group_is_whole(text: bytes) -> bool:
    """Return whether a `Tasks in` line has its end."""
    return text.endswith(GROUP_END)


def group_path(found: Sequence[bytes], between: bytes) -> bytes | None:
    """Return the path in a whole `Tasks in` line; None if it is not exactly one."""
    lines = [_GROUP.fullmatch(between.join(pieces)) for pieces in alternatives(found)]
    paths = [line[1] for line in lines if line is not None]
    named = [path for path in paths if names_container(path)] or paths
    return named[0] if len(named) == 1 else None


def _paths(text: bytes) -> tuple[bytes, bool]:
    """Return the text from the first path on, and whether the machine ran out of memory."""
    start = _HEAD.match(text)
    mems = _MEMS.match(text, start.end()) if start else None
    whose = _WHOSE.match(text, mems.end()) if mems else None
    return (text[whose.end() :], whose[1] is not None) if whose else (b"", False)


def _split(text: bytes, *, of_machine: bool) -> Iterator[tuple[bytes | None, bytes]]:
    """Return the pairs that a text may name: the cgroup whose limit was hit, and the victim's."""
    if of_machine:
        if text and b"\n" not in text:
            yield None, text
        return
    marks = list(_TASK.finditer(text))
    for mark in marks:
        oom, task = text[: mark.start()], text[mark.end() :]
        if b"\n" not in oom + task and (len(marks) == 1 or is_within(task, oom)):
            yield oom, task
