"""Parse a message: what it says, and what stands before it."""

import re
from dataclasses import dataclass

from oomwarden.core.log_text.lines.joins import unquoted_printable
from oomwarden.core.log_text.messages.cgroup_lines import cgroup_line
from oomwarden.core.log_text.messages.events import Event, LossLine
from oomwarden.core.log_text.messages.report_lines import loss_line, report_line, task_row
from oomwarden.core.log_text.messages.victim_lines import victim_line

_MAY_BE_VICTIM = re.compile(r"process|victim|oom_reaper|oom event")
_MAY_BE_CGROUP = re.compile(r"oom-kill:|killed as a result|usage|cgroup stats|Tasks in|oom\.group")
_MAY_BE_REPORT = re.compile(
    r"oom-killer|total_vm|killable|deadlocked|panic_on_oom|[Pp][Ii][Dd]:|pages RA|wap *[=:]"
    r"|active_anon|pages reserved"
)
_MAY_BE_LOSS = re.compile(r"message|suppressed")


@dataclass(frozen=True, slots=True)
class Parsed:
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
    loss = loss_line(text) if _MAY_BE_LOSS.search(text) else None
    found = _event(text)
    if found is None:
        prefix = text[: loss[0]] if loss else text
        return Parsed(prefix, None, loss[1] if loss else None)
    start, event = found
    return Parsed(text[:start], event, loss[1] if loss else None)


def _event(text: str) -> tuple[int, Event] | None:
    if _MAY_BE_CGROUP.search(text) and (found := cgroup_line(text)):
        return found
    if _MAY_BE_VICTIM.search(text) and (found := victim_line(text)):
        return found
    if _MAY_BE_REPORT.search(text) and (found := report_line(text)):
        return found
    return task_row(text) if "]" in text else None
