"""The OOM killer's lines in syslog(2) (Linux mm/oom_kill.c, kernel/printk/printk.c)."""

from collections.abc import Sequence
from dataclasses import dataclass

TAIL = (
    b"total-vm:209128kB, anon-rss:32100kB, file-rss:904kB, shmem-rss:0kB, "
    b"UID:0 pgtables:112kB oom_score_adj:992"
)


@dataclass
class Ring:
    """Renders records; `stamped` is printk.time, and `caller` is CONFIG_PRINTK_CALLER."""

    stamped: bool = True
    caller: bytes = b""
    now: float = 50.0
    text: bytes = b""

    def record(self, text: bytes, priority: int = 6) -> None:
        """Add a record; each of its lines gets the record's prefix, as in the kernel."""
        self.now += 0.001
        stamp = b"[%12.6f]%s " % (self.now, self.caller) if self.stamped else b""
        lines = text.split(b"\n")
        self.text += b"".join(b"<%d>%s%s\n" % (priority, stamp, line) for line in lines)

    def killed(self, pid: int, comm: bytes, how: bytes = b"Memory cgroup out of memory") -> None:
        self.record(b"%s: Killed process %d (%s) %s" % (how, pid, comm, TAIL), priority=3)

    def constraint(self, pid: int, comm: bytes, path: str, limit: str | None) -> None:
        whose = b"global_oom" if limit is None else b"oom_memcg=" + limit.encode()
        self.record(
            b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
            b"%s,task_memcg=%s,task=%s,pid=%d,uid=0" % (whose, path.encode(), comm, pid)
        )

    def group(self, path: str) -> None:
        what = b"Tasks in %s are going to be killed due to memory.oom.group set"
        self.record(what % path.encode())

    def skipped(self, pid: int, comm: bytes) -> None:
        how = b"Memory cgroup out of memory: OOM victim %d (%s) is already exiting."
        self.record(how % (pid, comm) + b" Skip killing the task")

    def group_kill(
        self, path: str, victims: Sequence[tuple[int, bytes]], *, within_rate_limit: bool = True
    ) -> None:
        """Log a group kill, whose first victim is named twice."""
        pid, comm = victims[0]
        if within_rate_limit:
            self.record(comm + b" invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0")
            self.constraint(pid, comm, path, path)
        self.killed(pid, comm)
        self.group(path)
        for each in victims:
            self.killed(*each)
