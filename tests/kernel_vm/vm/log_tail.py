"""Follows the kernel log, and its rate limit of OOM kills."""

import re
import time
from collections import deque
from pathlib import Path

from oomwarden.core.kernel_log.lines import unread_part
from oomwarden.kernel import syslog

RATE_BURST, RATE_SECONDS = 10, 5.5
"""The kernel drops `oom-kill:` lines after 10 in 5 s (Linux mm/oom_kill.c, oom_kill_process)."""
_started: deque[float] = deque(maxlen=RATE_BURST)
"""When the latest hogs started, in monotonic seconds; each may be a kill."""


class KernelLogTail:
    """Collects what the kernel logs; must be read often, because the ring buffer may overrun."""

    def __init__(self) -> None:
        self.text, self.lost = b"", False
        self._tail = syslog.read_all()[-512:]

    def read(self) -> bytes:
        buffer = syslog.read_all()
        fresh, lost = unread_part(self._tail, buffer)
        self._tail = buffer[-512:]
        self.text, self.lost = self.text + fresh, self.lost or lost
        return self.text


def wait_for_log_budget(kills: int = 2) -> None:
    """Wait until the kernel's rate limit allows `kills` more `oom-kill:` lines."""
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


def note_possible_kill() -> None:
    """Note the start of a process that may be killed."""
    _started.append(time.monotonic())
