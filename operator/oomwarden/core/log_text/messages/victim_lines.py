"""Parse the lines that name a process: killed, chosen, reaped, exiting.

Sources: Linux mm/oom_kill.c from 2.6.9 to 7.1; RHEL 6 and 7 print `UID 0` beside the comm.
"""

import re

from oomwarden.core.log_text.messages.events import (
    ChosenLine,
    Event,
    NoVictimLine,
    ReapedLine,
    SharingLine,
    VictimLine,
)

_WHY = (
    r"(?:(?P<why>[Mm]emory cgroup out of memory|[Oo]ut of [Mm]emory|No available memory)"
    r"(?P<more>\s*\(\w+\))?:?\s*)?"
)
_KILLED = re.compile(
    _WHY
    + r"[Kk]illed\s+process\s+(?:(?P<pid>\d{1,10})(?!\d)|(?=\())"
    + r",?\s*(?:UID\s+(?P<uid>\d{1,10}),\s*)?(?P<rest>\(.*)?",
    re.DOTALL,
)
_CHOSEN = re.compile(
    _WHY + r"[Kk]ill\s+process\s+(?P<pid>\d{1,10}),?\s*(?:UID\s+\d+,\s*)?(?P<rest>\(.*)", re.DOTALL
)
_SCORE = re.compile(r"\s*score\s+(-?\d{1,20})\b")
_SHARING = re.compile(r"\s*sharing same memory")
_SIZES = re.compile(
    r"\b(total-vm|vsz|anon-rss|file-rss|shmem-rss|pgtables):\s*(\d{1,18})\s*k(?:[Bb]\b|(?=[,;]))"
)
_BEGUN_SIZE = re.compile(
    r"\b(?:total-vm|vsz|anon-rss|file-rss|shmem-rss|pgtables|UID|oom_score_adj):?\s*\d*k?\s*$"
)
_UID = re.compile(r"\bUID[: ]\s*(\d{1,10})\b")
_ADJ = re.compile(r"\boom_score_adj:\s*(-?\d{1,4})\b")
_AFTER_COMM = re.compile(r"\)(?=,?\s*(?:UID\s+\d+,?\s*)?(?:total-vm|vsz|anon-rss):)")
_MAX_COMM = 15
"""Bytes of a comm (TASK_COMM_LEN less the end)."""
_MAX_SHOWN_COMM = 64
"""Characters of a comm whose bytes are escaped; a kernel thread's name may be longer, too."""
_ESCAPED = re.compile(r"\\x[0-9a-f]{2}|\\[0-7]{3}|#\d{3}")
_REAPED = re.compile(r"oom_reaper: (?:(reaped)|unable to reap) (?:process |pid:)(\d{1,10})")
_EXITING = re.compile(r"OOM victim (\d{1,10}) \(.*\) is already exiting")
# oomwarden's own Events (core/records/event.py, describe_kill).
_OWN_EVENT = re.compile(
    r"OOMKilled\s[^\n]{0,600}?: (?P<comm>[^\n]{1,64}?) \(pid (?P<pid>\d{1,10})\)"
    r"(?: and \d{1,9} more)?(?:, \d{1,18} kills,)? killed "
    r"(?:(?P<cgroup>at (?:its|the)|because all)|(?P<machine>because))?"
)
_SYSTEM_OOM = re.compile(r"System OOM encountered, victim process: (.{1,64}), pid: (\d{1,10})")

# The kubelet's log; ContainerName is the cgroup whose memory ran out (pkg/kubelet/oom).
_KUBELET = re.compile(
    r'oom event.{0,40}?\bPid"?:(\d{1,10}),? ?"?ProcessName"?:"?([^",}]{1,15}?)[",} ]'
    r'(?:.{0,200}?\bContainerName"?:"?([^",} ]*))?'
)


def victim_line(text: str) -> tuple[int, Event] | None:
    """Parse a line about a process, and return where it begins in the text."""
    for word, pattern, parse in _FORMS:
        found = pattern.search(text) if word in text else None
        event = parse(found) if found else None
        if found and event is not None:
            return found.start(), event
    return None


def _killed(found: re.Match[str]) -> Event | None:
    rest = found["rest"] or ""
    comm, fields = _comm_and_rest(rest)
    if comm is None:
        return VictimLine(_pid(found), "", _of(found["why"]), is_cut=True) if found["why"] else None
    uid = found["uid"] or _first(_UID, fields)
    adj = _first(_ADJ, fields)
    sizes = {name: int(size) for name, size in _SIZES.findall(fields)}
    if not sizes and not found["why"] and "Killed" not in found[0]:
        return None
    if "vsz" in sizes:
        sizes["total-vm"] = sizes.pop("vsz")
    is_cut = _cut_size(fields)
    return VictimLine(
        pid=_pid(found),
        comm=comm,
        of=_of(found["why"]),
        uid=None if uid is None else int(uid),
        sizes=sizes,
        oom_score_adj=None if adj is None else int(adj),
        is_cut=is_cut,
    )


def _pid(found: re.Match[str]) -> int | None:
    return int(found["pid"]) if found["pid"] else None


def _cut_size(fields: str) -> bool:
    """Return whether the last field is cut off, as `file-rss:4228k`."""
    found = _BEGUN_SIZE.search(fields)
    return found is not None and not re.search(r"(?:UID|oom_score_adj):?\s*\d+\s*$", found[0])


def _chosen(found: re.Match[str]) -> Event | None:
    comm, rest = _comm_and_rest(found["rest"])
    if comm is None:
        return None
    pid = int(found["pid"])
    if _SHARING.match(rest):
        return SharingLine(pid, comm)
    score = _SCORE.match(rest)
    allocating = "allocating" in (found["more"] or "")
    return ChosenLine(pid, comm, int(score[1]) if score else None, _of(found["why"]), allocating)


def _comm_and_rest(text: str) -> tuple[str | None, str]:
    """Split `(comm) rest`; a comm may hold parentheses and imitate the rest."""
    limit = text[: _MAX_SHOWN_COMM + 2]
    ends = [each.start() for each in _AFTER_COMM.finditer(text) if each.start() < len(limit)]
    fitting = [end for end in ends if len(_ESCAPED.sub("x", text[1:end])) <= _MAX_COMM]
    end = fitting[-1] if fitting else ends[0] if ends else _plain_end(limit)
    return (text[1:end], text[end + 1 :]) if end > 0 else (None, "")


def _plain_end(text: str) -> int:
    scored = re.search(r"\)\s+(?:score|sharing)\b", text)
    return scored.start() if scored else text.find(")")


def _reaped(found: re.Match[str]) -> Event:
    return ReapedLine(int(found[2]), is_done=found[1] is not None)


def _exiting(found: re.Match[str]) -> Event:
    reason = "the chosen process was already exiting, so the kernel killed nobody"
    return NoVictimLine(reason, int(found[1]))


def _system_oom(found: re.Match[str]) -> Event:
    return VictimLine(int(found[2]), found[1], "machine")


def _own_event(found: re.Match[str]) -> Event:
    of = "cgroup" if found["cgroup"] else "machine" if found["machine"] else None
    return VictimLine(int(found["pid"]), found["comm"], of)


def _kubelet(found: re.Match[str]) -> Event:
    of = "machine" if found[3] == "/" else "cgroup" if found[3] else None
    return VictimLine(int(found[1]), found[2], of)


def _of(why: str | None) -> str | None:
    if why is None:
        return None
    return "cgroup" if "cgroup" in why else "machine"


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


_FORMS = (
    ("oom_reaper", _REAPED, _reaped),
    ("OOM victim", _EXITING, _exiting),
    ("illed", _KILLED, _killed),
    ("ill", _CHOSEN, _chosen),
    ("System OOM", _SYSTEM_OOM, _system_oom),
    ("oom event", _KUBELET, _kubelet),
    (" (pid ", _OWN_EVENT, _own_event),
)
