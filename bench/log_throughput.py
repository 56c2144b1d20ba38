"""Time `kubectl oom log` on a large log, and `grep -c` on the same file. MB=1000 sets its size."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench.figures import table

_ROOT = Path(__file__).resolve().parent.parent
_MB = 1_000_000
_PATTERN = "Killed process"
_PROGRAM = "import sys; from oomwarden.cli.main import run; sys.exit(run())"
_POD = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d.slice"
_QUIET = (
    "systemd[1]: Started session {n} of User root.",
    'kubelet[812]: I0516 09:23:20.1 812 kubelet.go:2311] "SyncLoop DELETE" source="api" pods={n}',
    'containerd[700]: time=2026-05-16T09:23:20Z level=info msg="StopContainer" id={n}',
    "kernel: [{n}.251000] IN=eth0 OUT= SRC=10.0.0.{n} DST=10.0.0.1 LEN=60 PROTO=TCP SPT=443",
    "sshd[{n}]: pam_unix(sshd:session): session opened for user admin by (uid=0)",
)
_REPORT = (
    "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=992",
    "CPU: 1 PID: {n} Comm: java Not tainted 6.1.0-50-amd64 #1  Debian 6.1.100-1",
    "memory: usage 65536kB, limit 65536kB, failcnt 33",
    f"Memory cgroup stats for {_POD}:",
    "anon 60000000",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    *["[   4242]  1000  4242    52282     8251   114688        0           992 hog"] * 40,
    (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x.scope,mems_allowed=0,"
        f"oom_memcg={_POD},task_memcg={_POD}/x.scope,task=java,pid={{n}},uid=1000"
    ),
    (
        "Memory cgroup out of memory: Killed process {n} (java) total-vm:209128kB, "
        "anon-rss:32100kB, file-rss:904kB, shmem-rss:0kB, UID:1000 pgtables:112kB oom_score_adj:992"
    ),
)


@dataclass(frozen=True)
class _Timed:
    """A command that ran: seconds by the clock and of a processor, resident memory in KiB."""

    seconds: float
    processor: float
    resident: int
    out: str


def main() -> None:
    """Print throughput and memory for a quiet log, and for one that is full of kills."""
    size = int(os.environ.get("MB", "1000")) * _MB
    with tempfile.TemporaryDirectory(prefix="oomwarden-log-") as folder:
        for name, every in (("a kill in 10 MB", 10 * _MB), ("nothing but reports", 0)):
            part = size if every else size // 40
            path = Path(folder) / "kern.log"
            _write(path, part, every)
            _measure(f"kubectl oom log: {part // _MB} MB, {name}", path, part)


def _write(path: Path, size: int, every: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_lines(size, every))


def _lines(size: int, every: int) -> Iterator[str]:
    """Yield a syslog of so many bytes, with a report after so many bytes."""
    done, next_kill = 0, every
    for number in count(1):
        is_kill = done >= next_kill
        texts: Sequence[str] = _REPORT if is_kill else [_QUIET[number % len(_QUIET)]]
        next_kill += every if is_kill else 0
        for text in texts:
            kernel = f"kernel: [{number}.250000] " if is_kill else ""
            line = f"May 16 09:23:20 node-a {kernel}{text.format(n=number)}\n"
            done += len(line)
            yield line
        if done >= size:
            return


def _measure(title: str, path: Path, size: int) -> None:
    grep = _run(["grep", "-c", "-F", _PATTERN, str(path)])
    read = _run([sys.executable, "-c", _PROGRAM, "log", str(path), "-o", "name"])
    rate, grep_rate = size / _MB / read.seconds, size / _MB / grep.seconds
    rows = [
        ("kills found", f"{len(read.out.splitlines())} (grep: {grep.out.strip()})"),
        ("throughput", f"{rate:.0f} MB/s in {read.seconds:.1f} s"),
        ("per second of a processor", f"{size / _MB / read.processor:.0f} MB"),
        ("grep -c -F", f"{grep_rate:.0f} MB/s, {grep_rate / rate:.1f} times as fast"),
        ("largest resident memory", f"{read.resident / 1024:.0f} MiB"),
    ]
    table(title, rows)


def _run(command: Sequence[str]) -> _Timed:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT / "operator")}
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        out = process.stdout.read() if process.stdout else ""
        _, _, usage = os.wait4(process.pid, 0)
    processor = usage.ru_utime + usage.ru_stime
    return _Timed(time.monotonic() - began, processor, usage.ru_maxrss, out)
