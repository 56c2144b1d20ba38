"""Parse the rest of an OOM report: who asked for memory, the list of tasks, the machine, losses.

Sources: Linux mm/oom_kill.c (dump_header, dump_tasks), lib/show_mem.c, kernel/printk/printk.c,
lib/ratelimit.c; systemd src/journal/journald-kmsg.c; rsyslog plugins/imklog and imuxsock.
"""

import re

from oomwarden.core.log_text.lines.prefix import without_prefix
from oomwarden.core.log_text.messages.events import (
    CallerLine,
    Event,
    InvokedLine,
    LossLine,
    MachineLine,
    NoVictimLine,
    TaskListHead,
    TaskRow,
)

_INVOKED = re.compile(
    r"(?: invoked )?oom-killer: gfp_mask=(?P<mask>0x[0-9a-fA-F]{1,16})"
    r"(?:\((?P<flags>[A-Z_|0-9a-fx]*)\))?"
    r"(?:, nodemask=[^ ]*)?(?:, order=(?P<order>-?\d{1,3}))?"
    r"(?:, oom_?(?:kill)?adj=(?P<oldadj>-?\d{1,3}))?(?:, oom_score_adj=(?P<adj>-?\d{1,4}))?",
)
_CALLER = re.compile(
    r"(?:CPU: \d+ (?:UID: \d+ )?PID: (?P<pid>\d{1,10}) Comm: (?P<comm>.{1,15}?)"
    r"|Pid: (?P<oldpid>\d{1,10}), comm: (?P<oldcomm>.{1,15}?)) "
    r"(?:Kdump: loaded )?(?:Tainted: |Not tainted)(?P<rest>.{0,200})"
)
_KERNEL = re.compile(r"\s(\d{1,2}\.\d{1,3}[\w.+~-]{0,60})")
_HEAD = re.compile(r"\[ *pid *\] +(?P<columns>uid +tgid +total_vm +rss[a-z_ ]* name)")
_ROW = re.compile(
    r"\[ *(?P<pid>\d{1,10}) *\] +(?P<numbers>-?\d+(?: +-?\d+){4,12}) (?P<name>.{1,64})$"
)
_LOSSES = (
    (re.compile(r"\*\* (\d+) printk messages dropped \*\*"), "the kernel"),
    (re.compile(r"(\d+) printk messages dropped"), "the kernel"),
    (re.compile(r"printk: (\d+) messages (?:suppressed|dropped)"), "the kernel's rate limit"),
    (re.compile(r"(\d+) (?:callbacks|output lines) suppressed"), "the kernel's rate limit"),
    (re.compile(r"Missed (\d+) kernel messages"), "journald"),
    (re.compile(r"/dev/kmsg buffer overrun, some messages (lost)"), "journald"),
    (re.compile(r"Suppressed (\d+) messages from"), "journald's rate limit"),
    (re.compile(r"imklog\S*[: ]+(\d+) messages lost"), "rsyslog's rate limit"),
    (re.compile(r"(\d+) messages (?:lost|dropped|discarded)"), "a rate limit"),
    (re.compile(r"lost (\d+) messages from pid"), "rsyslog's rate limit"),
    (
        re.compile(r"(?:begin|start)(?:ing)? to drop messages (due) to rate-limiting"),
        "rsyslog's rate limit",
    ),
)
_MACHINE = (
    ("pages RAM", re.compile(r"\b(\d{1,12}) pages RAM\b"), "ram_pages"),
    ("Total swap", re.compile(r"\bTotal swap *= *(\d{1,18})\s*kB"), "swap_kb"),
    ("Free swap", re.compile(r"\bFree swap *[=:] *(\d{1,18})\s*kB"), "free_swap_kb"),
    ("pages reserved", re.compile(r"\b(\d{1,12}) pages reserved\b"), "reserved_pages"),
)
_PAGES = re.compile(
    r"\b((?:in)?active_(?:anon|file)|unevictable|slab_(?:un)?reclaimable|shmem|pagetables|free|mapped):(\d{1,12})(?=\s|$)"
)
_NONE = (
    (
        "no killable",
        re.compile(r"[Oo]ut of memory and no killable processes"),
        "the kernel found no process that it may kill",
    ),
    (
        "deadlocked",
        re.compile(r"System is deadlocked on memory"),
        "the kernel found no process that it may kill, and panicked",
    ),
    (
        "panic_on_oom",
        re.compile(r"panic_on_oom is enabled"),
        "vm.panic_on_oom is set, so the kernel panicked instead of killing a process",
    ),
)
MAX_NUMBER = 1 << 62


def report_line(text: str) -> tuple[int, Event] | None:
    """Parse another line of an OOM report, and return where it begins in the text."""
    if "oom-killer" in text and (found := _INVOKED.search(text)):
        return _invoked(text, found)
    if "total_vm" in text and (found := _HEAD.search(text)):
        return found.start(), TaskListHead(tuple(found["columns"].split()[:-1]))
    for word, pattern, reason in _NONE:
        if word in text and (found := pattern.search(text)):
            return found.start(), NoVictimLine(reason)
    if ("PID:" in text or "Pid:" in text) and (found := _CALLER.search(text)):
        return found.start(), _caller(found)
    return _machine(text)


def loss_line(text: str) -> tuple[int, LossLine] | None:
    """Parse a line that says that messages were dropped."""
    for pattern, by in _LOSSES:
        if found := pattern.search(text):
            count = int(found[1][:18]) if found[1].isdigit() else 0
            return found.start(), LossLine(count, by)
    return None


def task_row(text: str) -> tuple[int, TaskRow] | None:
    """Parse a row of the list of tasks."""
    found = _ROW.search(text)
    if found is None:
        return None
    numbers = tuple(min(int(each[:19]), MAX_NUMBER) for each in found["numbers"].split())
    return found.start(), TaskRow(int(found["pid"]), numbers, found["name"].strip())


def _invoked(text: str, found: re.Match[str]) -> tuple[int, InvokedLine]:
    before = text[: found.start()]
    comm = without_prefix(before) if found[0].startswith(" ") else ""
    adj = found["adj"] or found["oldadj"]
    return len(before) - len(comm), InvokedLine(
        comm=comm.strip() or None,
        gfp_mask=found["mask"],
        gfp_flags=found["flags"] or None,
        order=int(found["order"]) if found["order"] else None,
        adj=int(adj) if adj else None,
    )


def _caller(found: re.Match[str]) -> CallerLine:
    pid = found["pid"] or found["oldpid"]
    kernel = _KERNEL.search(found["rest"])
    comm = found["comm"] or found["oldcomm"]
    return CallerLine(int(pid), comm, kernel[1] if kernel else None)


def _machine(text: str) -> tuple[int, MachineLine] | None:
    for word, pattern, name in _MACHINE:
        if word in text and (found := pattern.search(text)):
            return found.start(), MachineLine({name: int(found[1])})
    if "active_anon:" in text and "kB" not in text:
        pages = {name: int(count) for name, count in _PAGES.findall(text)}
        return (text.find("active_anon:"), MachineLine(pages)) if pages else None
    return None
