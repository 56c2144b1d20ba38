"""Place and time of kills, parsed from the kernel log independently of oomwarden's own parser.

`Tasks in ... memory.oom.group set` is never rate limited, so every group kill has its line. Single
kills are slow enough in these scenarios for the rate limit of `oom-kill:` lines (10 in 5 s). The
number of kills is from the kernel's counters: `counters.py`.
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
    """A container: its pod's UID and its own 64-digit ID."""

    pod: str
    container: str


@dataclass(frozen=True, slots=True)
class Kill:
    """One decision of the OOM killer.

    `at` is in seconds of the caller's clock; None: not in the log.
    """

    place: Place
    at: float | None


def number_of(record: str) -> int | None:
    """Parse the sequence number of a record of /dev/kmsg, also of one from user space."""
    found = _RECORD.match(record)
    return int(found["number"]) if found else None


def parse_line(record: str) -> LogLine | None:
    """Parse `priority,sequence,microseconds,flags;text`; None: written by user space."""
    found = _RECORD.match(record)
    if found is None or int(found["priority"]) >> 3:
        return None
    return LogLine(int(found["number"]), int(found["micros"]) / 1e6, found["text"])


def pod_uid(path: str) -> str | None:
    """Return the pod's UID in a cgroup path of the systemd or the cgroupfs driver."""
    found = _POD.search(path)
    return found[1].replace("_", "-") if found else None


def place_of(path: str) -> Place | None:
    """Return pod and container of a cgroup path; None: it is not a container's."""
    pod, containers = pod_uid(path), _CONTAINER.findall(path)
    return Place(pod, containers[0]) if pod and containers else None


def victim_container(line: LogLine) -> Place | None:
    """Return the victim's container of an `oom-kill:` line."""
    found = _CHOSEN.search(line.text)
    return place_of(found["path"]) if found else None


def kills(lines: Sequence[LogLine]) -> list[Kill]:
    """Return all kills, of groups and of single processes, with the time of their first victim."""
    starts = [n for n, line in enumerate(lines) if _CHOSEN.search(line.text)]
    found = _groups(lines)
    for begin, end in pairwise([*starts, len(lines)]):
        place = victim_container(lines[begin])
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
