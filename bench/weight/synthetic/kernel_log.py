"""The kernel's ring buffer as a file, and the lines that the OOM killer prints into it.

Linux mm/oom_kill.c (oom_kill_process, dump_header), mm/memcontrol.c
(mem_cgroup_print_oom_context, mem_cgroup_print_oom_meminfo), 6.1.
"""

import time
from dataclasses import dataclass
from pathlib import Path

RING_BYTES = 256 << 10
"""CONFIG_LOG_BUF_SHIFT=18, as Debian and Ubuntu build their kernels."""
_REPORT = (
    "memory: usage 65536kB, limit 65536kB, failcnt 271",
    "swap: usage 0kB, limit 9007199254740988kB, failcnt 0",
    "Memory cgroup stats for {path}:",
    "anon 66453504\nfile 4096\nkernel 598016\nkernel_stack 49152\npagetables 237568\nsock 0",
    "Tasks state (memory values in pages):",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
)


@dataclass(frozen=True)
class Victim:
    """A process that is killed: its number, its name, and its oom_score_adj."""

    pid: int
    comm: str
    score: int


class KernelLog:
    """The file; it keeps the newest lines that fit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = b""
        for number in range(RING_BYTES // 80):
            self._text += _line(6, number / 1000, f"pci 0000:00:1f.{number % 8}: BAR {number}: set")
        self._write()

    def group_kill(self, path: str, victims: list[Victim]) -> None:
        """Print that all processes of a cgroup are killed at its limit."""
        now, first = time.monotonic(), victims[0]
        called = f"{first.comm} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, "
        lines = [(4, f"{called}oom_score_adj={first.score}")]
        lines += [(4, f"CPU: 1 PID: {first.pid} Comm: {first.comm} Not tainted 6.1.0-28-amd64")]
        lines += [(6, each.format(path=f"/{path}")) for each in _REPORT]
        lines += [(6, _task(each)) for each in victims]
        lines += [(6, _constraint(path, first)), (3, _killed(first))]
        lines += [(6, f"Tasks in /{path} are going to be killed due to memory.oom.group set")]
        lines += [(3, _killed(each)) for each in victims]
        for number, (level, text) in enumerate(lines):
            for part in text.split("\n"):
                self._text += _line(level, now + number / 1e5, part)
        self._write()

    def _write(self) -> None:
        """Keep whole lines only, as the kernel keeps whole records; replace them at one moment."""
        if len(self._text) > RING_BYTES:
            begin = self._text.index(b"\n", len(self._text) - RING_BYTES) + 1
            self._text = self._text[begin:]
        beside = self.path.with_suffix(".new")
        beside.write_bytes(self._text)
        beside.rename(self.path)


def _line(level: int, at: float, text: str) -> bytes:
    return f"<{level}>[{at:12.6f}] {text}\n".encode()


def _task(victim: Victim) -> str:
    columns = f"[{victim.pid:7d}]     0 {victim.pid:5d}    52282     8251   112640        0"
    return f"{columns} {victim.score:13d} {victim.comm}"


def _constraint(path: str, victim: Victim) -> str:
    inner = path.rpartition("/")[2]
    return (
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={inner},mems_allowed=0,"
        f"oom_memcg=/{path},task_memcg=/{path},task={victim.comm},pid={victim.pid},uid=0"
    )


def _killed(victim: Victim) -> str:
    return (
        f"Memory cgroup out of memory: Killed process {victim.pid} ({victim.comm}) "
        "total-vm:209128kB, anon-rss:32100kB, file-rss:904kB, shmem-rss:0kB, "
        f"UID:0 pgtables:112kB oom_score_adj:{victim.score}"
    )
