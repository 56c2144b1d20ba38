"""printk as the OOM killer uses it: pieces that become one record or several.

Linux kernel/printk/printk.c (vprintk_store, info_print_prefix, record_print_text), mm/oom_kill.c
(dump_oom_victim), kernel/cgroup/cpuset.c (cpuset_print_current_mems_allowed), mm/memcontrol.c
(mem_cgroup_print_oom_context, mem_cgroup_print_oom_group); 5.10 to 7.2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.support.log_lines import TAIL

RECORD_MAX = 1024
NOISE = (
    b"nf_conntrack: nf_conntrack: table full, dropping packet",
    b"oom_reaper: reaped process 4242 (hog), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
    b"EXT4-fs (sda1): mounted filesystem with ordered data mode, /dev/sda1",
    b" and a piece of another line,",
    b"hog[77]: segfault at 0 ip 000055 sp 00007f error 4 in hog[5500+1000]",
    b"/soc@0/bus@f00: Fixed dependency cycle(s) with /soc@0/phy",
    b"Tasks in /[77]: segfault at 0 ip 000055 sp 00007f error 4 in hog[5500+1000]",
    b"[   4242]     0  4242    52282     8251   112640        0           992 hog",
    b", irq 5, base 0x0",
    b"oom_kill_process: 12 callbacks suppressed",
)


@dataclass(frozen=True)
class PrintedKill:
    """One kill: the cgroup whose limit was hit, the chosen process, and its group's victims."""

    oom: str | None
    task: str
    comm: bytes
    pid: int
    cpuset: bytes = b"x.scope"
    constraint: bytes = b"CONSTRAINT_MEMCG"
    nodemask: bytes = b"(null)"
    mems: bytes = b"0"
    group: Sequence[tuple[int, bytes]] = ()


@dataclass
class Printk:
    """Renders printed messages as syslog(2) returns them, with or without `time` and `callers`.

    `level` is the default log level of messages (CONFIG_MESSAGE_LOGLEVEL_DEFAULT).
    """

    time: bool = True
    callers: bool = False
    level: int = 4
    now: float = 50.0
    text: bytes = b""
    noise: Iterable[int] = ()
    _last: tuple[str, bytes, int, float] | None = field(default=None)

    def __post_init__(self) -> None:
        self._noise = iter(self.noise)

    def line(self, caller: str, level: int, text: bytes) -> None:
        """Print a whole line with one call, such as pr_err."""
        self._start(caller, level, text)
        self.finish()

    def printed(self, caller: str, level: int, pieces: Sequence[bytes]) -> None:
        """Print a line in pieces, with pr_info and pr_cont; other CPUs may print in between."""
        self._start(caller, level, pieces[0])
        for piece in pieces[1:]:
            self.others()
            self._cont(caller, piece)
        self.finish()

    def others(self) -> None:
        """Let another CPU print the next noise line, if any."""
        which = next(self._noise, 0)
        if which:
            self.line("C7", 4, NOISE[which % len(NOISE)])

    def _start(self, caller: str, level: int, text: bytes) -> None:
        self.finish()
        self.now += 0.000_05
        self._last = (caller, text[: RECORD_MAX - 1], level, self.now)

    def _cont(self, caller: str, piece: bytes) -> None:
        last = self._last
        if last and last[0] == caller and len(last[1]) + len(piece) < RECORD_MAX:
            self._last = (caller, last[1] + piece, *last[2:])
        else:
            self._start(caller, self.level, piece)

    def finish(self) -> None:
        """Finish the last record; each of its lines repeats the prefix."""
        if self._last is None:
            return
        caller, text, level, at = self._last
        self._last = None
        prefix = b"<%d>" % level
        prefix += b"[%12.6f]" % at if self.time else b""
        prefix += b"[%6s]" % caller.encode() if self.callers else b""
        prefix += b" " if self.time or self.callers else b""
        self.text += b"".join(prefix + line + b"\n" for line in text.split(b"\n"))

    def kill(self, caller: str, report: PrintedKill, *, within_rate_limit: bool = True) -> None:
        """Print all messages of the OOM killer about one kill."""
        why = b"Memory cgroup out of memory" if report.oom else b"Out of memory"
        if within_rate_limit:
            self.printed(caller, 6, oom_kill(report))
        self.line(caller, 3, killed(why, report.pid, report.comm))
        if report.group:
            end = b" are going to be killed due to memory.oom.group set"
            self.printed(caller, 6, [b"Tasks in ", report.task.encode(), end])
            for pid, comm in report.group:
                self.line(caller, 3, killed(why, pid, comm))


def oom_kill(report: PrintedKill) -> list[bytes]:
    """Return the pieces of the `oom-kill:` line, one for each pr_cont."""
    whose = [b",oom_memcg=", report.oom.encode()] if report.oom else [b",global_oom"]
    return [
        b"oom-kill:constraint=%s,nodemask=%s" % (report.constraint, report.nodemask),
        b",cpuset=",
        report.cpuset,
        b",mems_allowed=" + report.mems,
        *whose,
        b",task_memcg=",
        report.task.encode(),
        b",task=%s,pid=%d,uid=0" % (report.comm, report.pid),
    ]


def killed(why: bytes, pid: int, comm: bytes) -> bytes:
    """Return the line of a victim, which is printed by one call."""
    return b"%s: Killed process %d (%s) %s" % (why, pid, comm, TAIL)
