"""Facts about the host: boot ID, kernel release, memory, OOM kill count, capabilities."""

import os
from pathlib import Path

from msgspec import Struct

from oomwarden.core.parse.flat_keyed import parse_counters
from oomwarden.core.parse.meminfo import parse_meminfo
from oomwarden.core.parse.pressure import MemoryStalls, parse_pressure
from oomwarden.core.reporting.node_conditions import counts_local_events_only
from oomwarden.kernel.boot import boot_id

CAP_DAC_OVERRIDE, CAP_SYS_RESOURCE, CAP_SYSLOG = 1, 24, 34
"""Bit numbers in CapEff (Linux include/uapi/linux/capability.h)."""
REQUIRED_CAPABILITIES = {
    "DAC_OVERRIDE": CAP_DAC_OVERRIDE,
    "SYS_RESOURCE": CAP_SYS_RESOURCE,
    "SYSLOG": CAP_SYSLOG,
}


class Host(Struct, frozen=True):
    """Reads facts about the host from its /proc.

    Attributes:
        proc: Mount point of the host's /proc.
    """

    proc: Path

    def boot_id(self) -> str:
        """Return the random ID of the current boot."""
        return boot_id(self.proc)

    def release(self) -> str:
        """Return the kernel release, as `uname -r` prints it."""
        return os.uname().release

    def meminfo(self) -> dict[str, int]:
        """Return the amounts of /proc/meminfo in bytes by name; see `parse_meminfo`."""
        return parse_meminfo((self.proc / "meminfo").read_bytes())

    def total_memory(self) -> int:
        """Return MemTotal of /proc/meminfo in bytes. The kubelet reports it as memory capacity."""
        return self.meminfo().get("MemTotal", 0)

    def total_swap(self) -> int:
        """Return SwapTotal of /proc/meminfo in bytes."""
        return self.meminfo().get("SwapTotal", 0)

    def swappiness(self) -> int:
        """Return vm.swappiness, or the kernel's default of 60 if it cannot be read."""
        found = _number(self.proc / "sys/vm/swappiness")
        return 60 if found is None else found

    def memory_stalls(self) -> MemoryStalls | None:
        """Return the pressure stall information of memory, None if the kernel has none.

        The file is missing without CONFIG_PSI, and cannot be opened or read with psi=0.
        """
        try:
            return parse_pressure((self.proc / "pressure/memory").read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError):
            return None

    def oom_kills(self) -> int:
        """Return `oom_kill` of /proc/vmstat: all OOM kills since boot (Linux 4.13 or later)."""
        return parse_counters((self.proc / "vmstat").read_bytes()).get(b"oom_kill", 0)

    def local_events_only(self) -> bool:
        """Return whether cgroup2 is mounted with memory_localevents.

        Counters then exclude events of descendant cgroups.
        """
        return counts_local_events_only((self.proc / "self/mounts").read_bytes())

    def inotify_limits(self) -> tuple[int | None, int | None]:
        """Return fs.inotify.max_user_watches and max_user_instances, None if unreadable."""
        directory = self.proc / "sys/fs/inotify"
        return _number(directory / "max_user_watches"), _number(directory / "max_user_instances")

    def in_initial_pid_namespace(self) -> bool:
        """Return whether this process runs in the initial PID namespace.

        The kernel log uses PIDs of that namespace, so they match only here (not in kind). Its
        inode is the constant PROC_PID_INIT_INO, 0xEFFFFFFC (Linux include/linux/proc_ns.h).
        """
        return os.stat(self.proc / "self/ns/pid").st_ino == 0xEFFFFFFC  # noqa: PLR2004, PTH116

    def missing_capabilities(self) -> tuple[str, ...]:
        """Return the names of the required capabilities that this process lacks."""
        for line in (self.proc / "self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                effective = int(line.split()[1], 16)
                return tuple(
                    name for name, bit in REQUIRED_CAPABILITIES.items() if not effective >> bit & 1
                )
        return tuple(REQUIRED_CAPABILITIES)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
