"""Programs that kill before the kernel does, in a log that is not the kernel's alone.

Their kills are none of the OOM killer's. But whoever looks for one wants to know of them.
"""

import re

from msgspec import Struct, field

_OVERLAP = 4096
"""Bytes of the last piece that are looked at again: a line may be cut in two."""
# systemd 255, src/oom/oomd-manager.c and oomd-util.c; earlyoom 1.8, kill.c.
_KILLERS = {
    "systemd-oomd": re.compile(rb"systemd-oomd(?:\[\d+\])?: Killed \S[^\n]{0,1024} due to "),
    "earlyoom": re.compile(rb"earlyoom(?:\[\d+\])?: sending SIG(?:TERM|KILL) to process \d+"),
}


class UserSpaceKillers(Struct):
    """Finds the programs that killed.

    Attributes:
        found: Their names.
    """

    found: set[str] = field(default_factory=set)
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Look at the next bytes of a log."""
        both = self._rest + data
        for name, pattern in _KILLERS.items():
            if name not in self.found and name.encode() in both and pattern.search(both):
                self.found.add(name)
        self._rest = both[-_OVERLAP:]
