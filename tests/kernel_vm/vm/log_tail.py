"""The kernel log as the checks follow it, and the room that its rate limit leaves."""

import re
import time
from collections import deque
from pathlib import Path

from oomwarden.core.kernel_log.lines import unread_part
from oomwarden.kernel import syslog

RATE_BURST, RATE_SECONDS = 10, 5.5
"""The kernel drops `oom-kill:` lines after 10 in 5 s (Linux mm/oom_kill.c, oom_kill_process)."""
_started: deque[float] = deque(maxlen=RATE_BURST)
"""When the latest hogs began, in monotonic seconds: each may be a kill."""


class KernelLog:
    """What the kernel has logged since, for a ring that may overrun: look often enough."""

    def __init__(self) -> None:
        self.text, self.lost = b"", False
        self._tail = syslog.read_all()[-512:]

    def look(self) -> bytes:
        buffer = syslog.read_all()
        fresh, lost = unread_part(self._tail, buffer)
        self._tail = buffer[-512:]
        self.text, self.lost = self.text + fresh, self.lost or lost
        return self.text


def room_in_log(kills: int = 2) -> None:
    """Wait until the kernel's rate limit lets so many `oom-kill:` lines through."""
    while True:
        since = time.monotonic() - RATE_SECONDS
        recent = [at for at in _started if at > since]
        if len(recent) + kills <= RATE_BURST:
            return
        time.sleep(recent[len(recent) + kills - RATE_BURST - 1] - since + 0.1)


def vmstat_kills() -> int:
    found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def a_kill_may_come() -> None:
    """Note that a process begins which may be killed."""
    _started.append(time.monotonic())
