"""What the OOM killer's lines say that name cgroups, whatever the cgroups are called.

Below its own cgroup a container may give any name that has no slash and no newline (Linux
kernel/cgroup/cgroup.c, cgroup_mkdir), and the kernel prints names as they are. What a name cannot
change: the order of the fields, that a path begins with a slash, that `cpuset=` has a name and no
path, and that the victim lies in the cgroup whose limit was hit (mm/oom_kill.c, select_bad_process;
5.10 to 7.2). A text that can be read in two ways is not believed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BEGIN = b"oom-kill:constraint="
GROUP_BEGIN = b"Tasks in "
_GROUP_END = b" are going to be killed due to memory.oom.group set"
_COMM_BYTES = 15
# pr_cont's pieces (dump_oom_victim, cpuset_print_current_mems_allowed,
# mem_cgroup_print_oom_context); between two of them may be the end of a record: `\n`.
_MARKS = (
    b",cpuset=",
    b",mems_allowed=",
    b",oom_memcg=",
    b",global_oom",
    b",task_memcg=",
    b",task=",
)
_HEAD = re.compile(rb"oom-kill:constraint=(\w+),nodemask=(\(null\)|[0-9,-]*)(?=[\n,]|$)")
# The cpuset cgroup's name has no slash, unless it is the root's; so the first path is certain.
_MEMS = re.compile(rb"\n?,cpuset=\n?(?:/|[^/]*)\n?,mems_allowed=([0-9,-]*)(?=[\n,]|$)")
_WHOSE = re.compile(rb"\n?(?:,oom_memcg=\n?|(,global_oom)\n?,task_memcg=\n?)(?=/)")
_TASK = re.compile(rb"\n?,task_memcg=\n?(?=/)")
_VICTIM = re.compile(rb"\n?,task=")
_TAIL = re.compile(rb"(.*),pid=(\d+),uid=\d+", re.DOTALL)
_GROUP = re.compile(GROUP_BEGIN + rb"\n?(/[^\n]*)\n?" + re.escape(_GROUP_END))


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before all names of cgroups: nobody can forge it.

    `nodemask` and `mems_allowed` are lists of NUMA nodes such as 0-1,3; None: no limit of nodes, or
    not known.
    """

    constraint: str
    nodemask: str | None
    mems_allowed: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the rest. None: the machine ran out (`oom_memcg`); not known (the others)."""

    oom_memcg: bytes | None
    task_memcg: bytes | None
    comm: bytes | None = None
    pid: int | None = None


def goes_on(found: Sequence[bytes], text: bytes) -> bool:
    """Whether a text is the next piece of an `oom-kill:` line.

    The name of the cpuset cgroup may be anything: where it is a piece alone it is passed over.
    """
    if text.startswith(_MARKS):
        return True
    before = found[-1]
    if text.startswith(b"/"):
        is_root = text == b"/" or text.startswith(b"/,mems_allowed=")
        expected = before.endswith((b",oom_memcg=", b",task_memcg="))
        return expected or (is_root and before.endswith(b",cpuset="))
    no_path_yet = not any(b"_memcg=/" in each or each.startswith(b"/") for each in found)
    return no_path_yet and b",mems_allowed=" in text.partition(b"/")[0]


def is_whole(text: bytes) -> bool:
    """Whether a line's last field is there."""
    return b",task=" in text and _TAIL.fullmatch(text) is not None


def head(text: bytes) -> Head | None:
    """Read the constraint and the NUMA nodes; `text` has a newline between two pieces."""
    found = _HEAD.match(text)
    if found is None:
        return None
    mems = _MEMS.match(text, found.end())
    sure = mems is not None and _WHOSE.match(text, mems.end()) is not None
    nodemask = None if found[2] == b"(null)" else found[2].decode()
    return Head(found[1].decode(), nodemask, mems[1].decode() if mems and sure else None)


def readings(text: bytes) -> list[Reading]:
    """Give all ways to read a whole line that the kernel could have meant."""
    rest, of_machine = _paths(text)
    found = []
    for victim in _VICTIM.finditer(rest):
        tail = _TAIL.fullmatch(rest, victim.end())
        if tail is None or len(tail[1]) > _COMM_BYTES:
            continue
        for oom, task in _split(rest[: victim.start()], of_machine=of_machine):
            found.append(Reading(oom, task, tail[1], int(tail[2])))
    return found


def known_part(text: bytes) -> Reading | None:
    """Read a line of which the end never came; None: it does not say whose memory ran out.

    A comma that no field explains is a name's: nothing of such a line is believed.
    """
    rest, of_machine = _paths(text)
    rest = _VICTIM.split(rest)[0].removesuffix(b",task_memcg=").removesuffix(b"\n")
    if not rest:
        return Reading(None, None) if of_machine else None
    plain = b"," not in rest and b"\n" not in rest
    if of_machine:
        return Reading(None, rest if plain else None)
    if plain:
        return Reading(rest, None)
    ways = [Reading(oom, task) for oom, task in _split(rest, of_machine=False)]
    if len(ways) != 1 or rest.count(b",") != 1:
        return None
    return ways[0] if _is_within(ways[0].task_memcg or b"", ways[0].oom_memcg or b"") else None


def group_goes_on(found: Sequence[bytes], text: bytes) -> bool:
    """Whether a text is the next piece of a `Tasks in` line."""
    return text == _GROUP_END or (text.startswith(b"/") and found[-1] == GROUP_BEGIN)


def group_is_whole(text: bytes) -> bool:
    """Whether a `Tasks in` line has its end."""
    return text.endswith(_GROUP_END)


def group_path(text: bytes) -> bytes | None:
    """Read the path out of a whole `Tasks in` line; `text` has a newline between two pieces."""
    found = _GROUP.fullmatch(text)
    return found[1] if found else None


def _paths(text: bytes) -> tuple[bytes, bool]:
    """Give the text from the first path on, and whether the machine ran out."""
    start = _HEAD.match(text)
    mems = _MEMS.match(text, start.end()) if start else None
    whose = _WHOSE.match(text, mems.end()) if mems else None
    return (text[whose.end() :], whose[1] is not None) if whose else (b"", False)


def _split(text: bytes, *, of_machine: bool) -> Iterator[tuple[bytes | None, bytes]]:
    """Give the pairs of cgroups that a text may be: whose limit, and the victim's."""
    if of_machine:
        if text and b"\n" not in text:
            yield None, text
        return
    marks = list(_TASK.finditer(text))
    for mark in marks:
        oom, task = text[: mark.start()], text[mark.end() :]
        if b"\n" not in oom + task and (len(marks) == 1 or _is_within(task, oom)):
            yield oom, task


def _is_within(path: bytes, outer: bytes) -> bool:
    return path == outer or path.startswith(outer.rstrip(b"/") + b"/")
