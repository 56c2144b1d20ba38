"""Parse the lines that name cgroups and their memory.

Sources: Linux mm/memcontrol.c, mem_cgroup_print_oom_info and mem_cgroup_print_oom_group.
"""

import re

from oomwarden.core.log_text.messages.events import (
    ConstraintText,
    Event,
    GroupLine,
    StatsLine,
    TaskInLine,
    UsageLine,
)

_CONSTRAINT = re.compile(r"oom-kill:constraint=.*", re.DOTALL)
_PIECE = re.compile(
    r",(?:cpuset|mems_allowed|oom_memcg|task_memcg|task)=.*|,global_oom\b.*", re.DOTALL
)
_PATH = re.compile(r"(?:^|(?<=[\s\]]))/.*", re.DOTALL)
_TASK_END = r"(?P<place>/[^\n]*?) killed as a result of limit of\s*(?P<of>/\S*)?"
_TASK_IN = re.compile(rf"Task in {_TASK_END}")
_GROUP_END = r"(?P<path>/.*|\(name too long\)) are going to be killed due to memory\.oom\.group set"
_GROUP = re.compile(rf"Tasks in {_GROUP_END}", re.DOTALL)
_LIMIT_OF = " killed as a result of limit of"
_SET = " are going to be killed due to memory.oom.group set"
_AFTER_PATH = "\"'}])>,;"
_GROUP_BEGIN = re.compile(r"Tasks in\s*(?P<path>/\S+)?\s*$")
_USAGE = re.compile(
    r"\b(memory|memory\+swap|kmem|swap): usage (\d{1,18})\s*kB, limit (\d{1,18})\s*kB"
    r"(?:, failcnt (\d{1,18}))?"
)
_STATS = re.compile(
    r"Memory cgroup stats(?: for (?P<path>/.*?))?:(?P<sizes>(?:\s.*)?$|\w+:\d.*)", re.DOTALL
)
_SIZE = re.compile(r"\b([a-z_]+):(\d{1,18})(KB|kB)")
_KEYS = (
    "anon|file|kernel|kernel_stack|pagetables|sec_pagetables|percpu|sock|vmalloc|shmem|zswap|zswapped"
    "|file_mapped|slab|slab_reclaimable|slab_unreclaimable|cache|rss|rss_huge|swap|swapcached|mapped_file"
)
STAT_KEYS = frozenset(_KEYS.split("|"))
_STAT = re.compile(rf"(?:^|[\s\]]|: )({_KEYS}) (\d{{1,20}})(?=\s|$)")
_KIB = 1024


def cgroup_line(text: str) -> tuple[int, Event] | None:
    """Parse a line about cgroups, and return where it begins in the text."""
    for word, pattern, parse in _FORMS:
        if word in text and (found := pattern.search(text)):
            return found.start(), parse(found)
    return _without_head(text)


def _without_head(text: str) -> tuple[int, Event] | None:
    """Parse a line whose beginning is in another record; a path with a space is not read."""
    for end in (_LIMIT_OF, _SET):
        before, found, after = text.partition(end)
        path = before.rpartition(" ")[2]
        if found and path.startswith("/"):
            limit_of = after.strip().rstrip(_AFTER_PATH) or None
            is_group = end == _SET
            return len(before) - len(path), GroupLine(path) if is_group else TaskInLine(
                path, limit_of
            )
    return None


def stat_line(text: str) -> dict[str, int]:
    """Return bytes by key in a line below `Memory cgroup stats`; empty if it is another line."""
    return {key: int(size) for key, size in _STAT.findall(text)}


def constraint_piece(text: str, *, after_equals: bool) -> tuple[int, ConstraintText] | None:
    """Parse a later piece of an `oom-kill:` line, which is in a record of its own.

    Args:
        text: The line.
        after_equals: Whether the piece before ends with `=`, so that a path follows.
    """
    found = _PATH.search(text) if after_equals else None
    found = found or _PIECE.search(text)
    return (found.start(), ConstraintText(found[0].rstrip(), is_begin=False)) if found else None


def _constraint(found: re.Match[str]) -> Event:
    return ConstraintText(found[0], is_begin=True)


def _task_in(found: re.Match[str]) -> Event:
    limit_of = found["of"].rstrip(_AFTER_PATH) if found["of"] else None
    return TaskInLine(found["place"], limit_of)


def _group(found: re.Match[str]) -> Event:
    return GroupLine(found["path"])


def _usage(found: re.Match[str]) -> Event:
    failures = int(found[4]) if found[4] else None
    return UsageLine(found[1], int(found[2]), int(found[3]), failures)


def _stats(found: re.Match[str]) -> Event:
    sizes = {key: int(size) * _KIB for key, size, _ in _SIZE.findall(found["sizes"])}
    if not sizes:
        sizes = {key: int(size) for key, size in _STAT.findall(found["sizes"])}
    return StatsLine(found["path"], sizes)


_FORMS = (
    ("oom-kill:", _CONSTRAINT, _constraint),
    ("Task in", _TASK_IN, _task_in),
    ("Tasks in", _GROUP, _group),
    ("Tasks in", _GROUP_BEGIN, _group),
    ("cgroup stats", _STATS, _stats),
    ("usage", _USAGE, _usage),
)
