"""Parse a message: what it says, and what stands before it."""

from typing import NamedTuple

from oomwarden.core.log_text.lines.joins import unquoted_printable
from oomwarden.core.log_text.messages.cgroup_lines import cgroup_line
from oomwarden.core.log_text.messages.events import Event, LossLine
from oomwarden.core.log_text.messages.report_lines import loss_line, report_line, task_row
from oomwarden.core.log_text.messages.victim_lines import victim_line

_VICTIM = ("process", "victim", "oom_reaper", "oom event", "OOMKilled")
_CGROUP = ("oom-kill:", "killed as a result", "usage", "cgroup stats", "Tasks in", "oom.group")
_REPORT = (
    "oom-killer",
    "total_vm",
    "killable",
    "deadlocked",
    "panic_on_oom",
    "PID:",
    "Pid:",
    "pages RA",
    "wap",
    "active_anon",
    "pages reserved",
)
_LOSS = ("message", "suppressed")


class Parsed(NamedTuple):
    """What a message says.

    Attributes:
        prefix: What stands before it.
        event: What it says; None if it is no message of the OOM killer.
        loss: Messages that were dropped before it.
    """

    prefix: str
    event: Event | None
    loss: LossLine | None = None


def parse(text: str) -> Parsed:
    """Parse the message in a line of text."""
    text = unquoted_printable(text) if "=3D" in text else text
    loss = loss_line(text) if _has(text, _LOSS) else None
    found = _event(text)
    if found is None:
        prefix = text[: loss[0]] if loss else text
        return Parsed(prefix, None, loss[1] if loss else None)
    start, event = found
    return Parsed(text[:start], event, loss[1] if loss else None)


def _event(text: str) -> tuple[int, Event] | None:
    if _has(text, _CGROUP) and (found := cgroup_line(text)):
        return found
    if _has(text, _VICTIM) and (found := victim_line(text)):
        return found
    if _has(text, _REPORT) and (found := report_line(text)):
        return found
    return task_row(text) if "]" in text else None


def _has(text: str, words: tuple[str, ...]) -> bool:
    """Return whether a text has one of some words, which is faster than to search a pattern."""
    return any(map(text.__contains__, words))
