"""A small process that starts others in cgroups, reaps them, and removes cgroups immediately.

It replaces the runtime's shim and systemd. It reads and answers JSON requests, one per line.
"""

import ctypes
import errno
import gc
import json
import mmap
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from patience import PATIENCE

PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
CLONE_VM = 0x100
NORESERVE = 0x4000
MADV_POPULATE_WRITE = 23
EAT = 32  # MiB
libc = ctypes.CDLL(None, use_errno=True)


class HogServer:
    """Serves requests; `removing` has the cgroups to remove as soon as they are empty."""

    def __init__(self) -> None:
        self.gates: dict[str, tuple[int, int]] = {}
        self.dead: dict[int, int] = {}
        self.remove_after: dict[int, list[str]] = {}
        self.removing: list[str] = []
        self.removed = 0
        self.wakeups, wake = os.pipe()
        os.set_blocking(self.wakeups, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def serve(self) -> None:
        buffer = b""
        while True:
            if self.wait_once(None, also=[0]):
                more = os.read(0, 1 << 16)
                if not more:
                    return
                *lines, buffer = (buffer + more).split(b"\n")
                for line in lines:
                    request = json.loads(line)
                    answer = getattr(self, f"do_{request.pop('do')}")(**request)
                    os.write(1, json.dumps(answer).encode() + b"\n")

    def wait_once(self, seconds: float | None, also: list[int]) -> bool:
        """Wait, reap and remove; return whether one of `also` can be read."""
        patience = 0.001 if self.removing else seconds
        readable, _, _ = select.select([self.wakeups, *also], [], [], patience)
        if self.wakeups in readable:
            os.read(self.wakeups, 4096)
        self.reap()
        self.remove()
        return bool(set(readable) & set(also))

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self.dead[pid] = os.waitstatus_to_exitcode(status)
            self.removing += self.remove_after.pop(pid, [])
            self.remove()

    def remove(self) -> None:
        left = []
        for path in self.removing:
            try:
                Path(path).rmdir()
                self.removed += 1
            except OSError:  # a process still runs in it
                left.append(path)
        self.removing = left

    def do_spawn(
        self,
        cgroup: str,
        steps: list[list[Any]],
        adj: int = 0,
        comm: str = "",
        remove: tuple[str, ...] = (),
    ) -> int:
        """Start a process in a cgroup; the cgroups of `remove` are removed after it has died."""
        for step in steps:
            if step[0] == "wait" and step[1] not in self.gates:
                self.gates[step[1]] = os.pipe()
        start_pipe, go = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(go)
            for _, held in self.gates.values():
                os.close(held)
            run_steps(
                start_pipe, steps, adj, comm, {name: gate[0] for name, gate in self.gates.items()}
            )
        os.close(start_pipe)
        Path(cgroup, "cgroup.procs").write_text(str(pid))
        os.close(go)
        if remove:
            self.remove_after[pid] = list(remove)
        return pid

    def do_open(self, gate: str) -> int:
        """Release all processes that wait at a gate."""
        read, held = self.gates.pop(gate)
        os.close(held)
        os.close(read)
        return 0

    def do_wait(self, pids: list[int], seconds: float) -> dict[int, int | None]:
        """Wait for processes, and return their exit codes, negative for a signal."""
        end = time.monotonic() + seconds
        while not self.dead.keys() >= set(pids) and time.monotonic() < end:
            self.wait_once(0.05, also=[])
        return {pid: self.dead.get(pid) for pid in pids}

    def do_cleared(self, count: int) -> int:
        """Wait until `count` cgroups were removed in total, and return the actual number."""
        end = time.monotonic() + PATIENCE
        while self.removed < count and time.monotonic() < end:
            self.wait_once(0.05, also=[])
        return self.removed


def run_steps(
    start_pipe: int, steps: list[list[Any]], adj: int, comm: str, gates: dict[str, int]
) -> None:
    try:
        os.read(start_pipe, 1)
        signal.set_wakeup_fd(-1)
        score(adj)
        if comm:
            libc.prctl(PR_SET_NAME, bytes.fromhex(comm), 0, 0, 0)
        eaten: list[bytearray] = []
        for name, *details in steps:
            if name == "wait":
                os.read(gates[details[0]], 1)
            elif name == "eat":
                # In pieces: the kernel refuses a single allocation that it can never satisfy.
                eaten += [bytearray(min(EAT, left) << 20) for left in range(details[0], 0, -EAT)]
            elif name == "hold":
                hold(*details)
            elif name == "score":
                score(details[0])
            elif name == "fork":
                fork(*details)
            elif name == "share":
                share()
            elif name == "sleep":
                time.sleep(details[0] if details else 1000)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - the child must never continue as the server
        sys.stderr.write(f"hog: {error!r}\n")
        os._exit(3)


def hold(mebibytes: int) -> None:
    """Populate memory in the kernel, which is many times faster than page by page from Python.

    Huge pages are off: a dying process frees them only after it stops counting as a victim. A
    request in between finds no victim, and the machine panics (Linux 6.1 mm/mmap.c exit_mmap,
    MMF_OOM_SKIP before tlb_finish_mmu).
    """
    held = mmap.mmap(-1, mebibytes << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
    try:
        held.madvise(mmap.MADV_NOHUGEPAGE)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a kernel without huge pages
            raise
    held.madvise(MADV_POPULATE_WRITE)


def fork(count: int, adj: int) -> None:
    """Fork children that sleep in the same cgroup."""
    for _ in range(count):
        if os.fork() == 0:
            score(adj)
            time.sleep(1000)
            os._exit(0)


def share() -> None:
    """Start another process that shares this one's memory, as vfork's child does for a while."""
    stack = ctypes.create_string_buffer(1 << 16)
    top = ctypes.c_void_p(ctypes.addressof(stack) + (1 << 16) - 64)
    pause = ctypes.cast(libc.pause, ctypes.c_void_p)
    if libc.clone(pause, top, CLONE_VM | signal.SIGCHLD, None) < 0:
        raise OSError(ctypes.get_errno(), "clone")


def score(adj: int) -> None:
    Path("/proc/self/oom_score_adj").write_text(str(adj))


if __name__ == "__main__":
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    score(-1000)
    gc.disable()
    gc.freeze()
    HogServer().serve()
