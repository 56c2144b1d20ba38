"""Where and when kills were, read from the kernel log by rules of this file's own.

`Tasks in ... memory.oom.group set` is never rate limited, so that every group kill has its line;
single kills come slowly enough in these scenarios for their `oom-kill:` lines to pass (10 in 5 s).
How many there were, the kernel's counters say: `counters.py`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_RECORD = re.compile(
    r"(?P<priority>\d+),(?P<number>\d+),(?P<micros>\d+),[^;]*;(?P<text>.*)", re.DOTALL
)
_POD = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})")
_CONTAINER = re.compile(r"\b([0-9a-f]{64})\b")
_CHOSEN = re.compile(r"oom-kill:constraint=.*,task_memcg=(?P<path>[^,]*),task=")
_KILLED = re.compile(r"ut of memory.*: Killed process \d+ \(")
_GROUP = re.compile(r"^Tasks in (?P<path>\S+) are going to be killed due to memory\.oom\.group set")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A record of /dev/kmsg: sequence number, seconds since boot, text."""

    number: int
    stamp: float
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """A container: its pod's UID and its own 64-digit id."""

    pod: str
    container: str


@dataclass(frozen=True, slots=True)
class Kill:
    """One decision of the OOM killer.

    `at` in seconds, of whatever clock the caller uses; None: the log did not tell.
    """

    place: Place
    at: float | None


def number_of(record: str) -> int | None:
    """Read the sequence number of a record of /dev/kmsg, whoever wrote it."""
    found = _RECORD.match(record)
    return int(found["number"]) if found else None


def parse_line(record: str) -> LogLine | None:
    """Read `priority,sequence,microseconds,flags;text`; None for what user space wrote."""
    found = _RECORD.match(record)
    if found is None or int(found["priority"]) >> 3:
        return None
    return LogLine(int(found["number"]), int(found["micros"]) / 1e6, found["text"])


def pod_uid(path: str) -> str | None:
    """Find a pod's UID in a cgroup's path, as the systemd or the cgroupfs driver spell it."""
    found = _POD.search(path)
    return found[1].replace("_", "-") if found else None


def place_of(path: str) -> Place | None:
    """Find pod and container in a cgroup's path; None: it is no container's."""
    pod, containers = pod_uid(path), _CONTAINER.findall(path)
    return Place(pod, containers[0]) if pod and containers else None


def chosen(line: LogLine) -> Place | None:
    """Read the victim's container out of an `oom-kill:` line."""
    found = _CHOSEN.search(line.text)
    return place_of(found["path"]) if found else None


def kills(lines: Sequence[LogLine]) -> list[Kill]:
    """Give every kill, group or single, in order, at the stamp of its first victim's line."""
    starts = [n for n, line in enumerate(lines) if _CHOSEN.search(line.text)]
    found = _groups(lines)
    for begin, end in pairwise([*starts, len(lines)]):
        place = chosen(lines[begin])
        died = [line.stamp for line in lines[begin:end] if _KILLED.search(line.text)]
        if place and died and place not in {group for _, group in _groups(lines[begin:end])}:
            found.append((died[0], place))
    return [Kill(place, at) for at, place in sorted(found, key=lambda one: one[0])]


def _groups(lines: Iterable[LogLine]) -> list[tuple[float, Place]]:
    found: list[tuple[float, Place]] = []
    died = 0.0
    for line in lines:
        if _KILLED.search(line.text):
            died = line.stamp
        elif (group := _GROUP.match(line.text)) and (place := place_of(group["path"])):
            found.append((died or line.stamp, place))
    return found
