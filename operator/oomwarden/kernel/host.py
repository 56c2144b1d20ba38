"""Small facts of the host: boot, kernel, memory, the top line of OOM kills, capabilities."""

import os
from dataclasses import dataclass
from pathlib import Path

from oomwarden.core.parse.flat_keyed import parse_counters
from oomwarden.core.reporting.node_conditions import counts_local_events_only
from oomwarden.kernel.boot import boot_id

CAP_DAC_OVERRIDE, CAP_SYS_RESOURCE, CAP_SYSLOG = 1, 24, 34
"""Bits of CapEff (Linux include/uapi/linux/capability.h)."""
NEEDED = {
    "DAC_OVERRIDE": CAP_DAC_OVERRIDE,
    "SYS_RESOURCE": CAP_SYS_RESOURCE,
    "SYSLOG": CAP_SYSLOG,
}


@dataclass(frozen=True, slots=True)
class Host:
    """Reads below one /proc, the host's own."""

    proc: Path

    def boot_id(self) -> str:
        """Give the random id of this boot."""
        return boot_id(self.proc)

    def release(self) -> str:
        """Give the kernel's release, as uname -r."""
        return os.uname().release

    def available_memory(self) -> int | None:
        """Give MemAvailable of /proc/meminfo in bytes."""
        for line in (self.proc / "meminfo").read_bytes().splitlines():
            key, _, rest = line.partition(b":")
            if key == b"MemAvailable":
                return int(rest.split()[0]) * 1024
        return None

    def total_memory(self) -> int:
        """Give MemTotal of /proc/meminfo in bytes: what the kubelet takes for capacity."""
        for line in (self.proc / "meminfo").read_bytes().splitlines():
            key, _, rest = line.partition(b":")
            if key == b"MemTotal":
                return int(rest.split()[0]) * 1024
        return 0

    def oom_kills(self) -> int:
        """Give `oom_kill` of /proc/vmstat: all OOM kills since boot (Linux 4.13 and later)."""
        return parse_counters((self.proc / "vmstat").read_bytes()).get(b"oom_kill", 0)

    def local_events_only(self) -> bool:
        """Whether cgroup2 is mounted with memory_localevents: counters above tell nothing then."""
        return counts_local_events_only((self.proc / "self/mounts").read_bytes())

    def inotify_limits(self) -> tuple[int | None, int | None]:
        """Give fs.inotify.max_user_watches and max_user_instances; None: not to be read."""
        directory = self.proc / "sys/fs/inotify"
        return _number(directory / "max_user_watches"), _number(directory / "max_user_instances")

    def first_pid_namespace(self) -> bool:
        """Whether pids of the kernel log mean anything here (not in kind).

        The initial PID namespace has the fixed inode PROC_PID_INIT_INO, 0xEFFFFFFC
        (Linux include/linux/proc_ns.h).
        """
        return os.stat(self.proc / "self/ns/pid").st_ino == 0xEFFFFFFC  # noqa: PLR2004, PTH116

    def missing_capabilities(self) -> tuple[str, ...]:
        """Name the needed capabilities that this process does not have."""
        for line in (self.proc / "self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                effective = int(line.split()[1], 16)
                return tuple(name for name, bit in NEEDED.items() if not effective >> bit & 1)
        return tuple(NEEDED)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
