"""A cgroup v2 tree of plain files, which appears, counts and vanishes as the kernel's does.

Two things differ from the kernel. A directory is made elsewhere and renamed into place, because in
cgroupfs its files exist as soon as it does; a file that is made and removed beside it raises the
event that the rename does not. And a removed file can still be read through an open descriptor.
"""

import os
import shutil
from pathlib import Path

KUBEPODS = "kubepods.slice"
_QOS = {"Guaranteed": "", "Burstable": "-burstable", "BestEffort": "-besteffort"}
_STAT_LINES = (
    "anon", "file", "kernel", "kernel_stack", "pagetables", "sec_pagetables", "percpu", "sock",
    "vmalloc", "shmem", "zswap", "zswapped", "file_mapped", "file_dirty", "file_writeback",
    "swapcached", "anon_thp", "file_thp", "shmem_thp", "inactive_anon", "active_anon",
    "inactive_file", "active_file", "unevictable", "slab_reclaimable", "slab_unreclaimable", "slab",
    "workingset_refault_anon", "workingset_refault_file", "workingset_activate_anon",
    "workingset_activate_file", "workingset_restore_anon", "workingset_restore_file",
    "workingset_nodereclaim", "pgscan", "pgsteal", "pgscan_kswapd", "pgscan_direct",
    "pgsteal_kswapd", "pgsteal_direct", "pgfault", "pgmajfault", "pgrefill", "pgactivate",
    "pgdeactivate", "pglazyfree", "pglazyfreed", "thp_fault_alloc", "thp_collapse_alloc",
)  # fmt: skip
"""Linux mm/memcontrol.c, memory_stats and memcg_vm_event_stat, 6.1."""
_EVENTS = ("low", "high", "max", "oom", "oom_kill", "oom_group_kill")


class Cgroups:
    """The tree below `root`; paths are relative to it."""

    def __init__(self, root: Path, staging: Path) -> None:
        """Make the root, with kubepods and its classes; `staging` is on the same file system."""
        self.root, self._staging = root, staging
        self._made = 0
        root.mkdir()
        staging.mkdir()
        (root / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
        for path in (KUBEPODS, *(slice_of(each) for each in ("Burstable", "BestEffort"))):
            self.make(path)

    def make(self, path: str, limit: int | None = None, pids: tuple[int, ...] = ()) -> None:
        """Make a cgroup; all of its files are there at the same moment."""
        self._made += 1
        new = self._staging / str(self._made)
        new.mkdir()
        for name, text in _files(limit, pids).items():
            (new / name).write_text(text)
        target = self.root / path
        new.rename(target)
        self._notify(target.parent)

    def vanish(self, path: str) -> None:
        """Remove a cgroup at one moment; `sweep` removes its files."""
        self._made += 1
        target = self.root / path
        target.rename(self._staging / f"gone-{self._made}")
        self._notify(target.parent)

    def sweep(self) -> None:
        """Remove the files of what has vanished, once the agent has closed them."""
        for gone in self._staging.glob("gone-*"):
            shutil.rmtree(gone)

    def empty(self, path: str) -> None:
        """Let a cgroup have no process any more."""
        (self.root / path / "cgroup.procs").write_bytes(b"")
        with (self.root / path / "cgroup.events").open("r+b") as file:
            file.write(b"populated 0")

    def count_group_kill(self, path: str, processes: int) -> None:
        """Count the kill of all processes at their cgroup's limit, from there up to the root.

        The first victim counts twice (Linux mm/oom_kill.c, oom_kill_process; mm/memcontrol.c,
        memcg_memory_event).
        """
        rise = {"max": 1, "oom": 1, "oom_kill": processes + 1, "oom_group_kill": 1}
        self._add(path, "memory.events.local", rise)
        parts = path.split("/")
        for depth in range(len(parts), 0, -1):
            self._add("/".join(parts[:depth]), "memory.events", rise)

    def _add(self, path: str, name: str, rise: dict[str, int]) -> None:
        """Write the new counters with one call, so that no reader sees a part of them."""
        file = os.open(self.root / path / name, os.O_RDWR)
        try:
            lines = os.pread(file, 4096, 0).decode().splitlines()
            counts = {key: int(value) for key, value in map(str.split, lines)}
            text = "".join(f"{key} {counts[key] + rise.get(key, 0)}\n" for key in _EVENTS)
            os.pwrite(file, text.encode(), 0)
        finally:
            os.close(file)

    def _notify(self, parent: Path) -> None:
        """Raise IN_CREATE at the parent, as mkdir in cgroupfs does."""
        if parent != self.root:
            beside = parent / ".changed"
            beside.touch()
            beside.unlink()


def slice_of(qos: str) -> str:
    """Return the path of the cgroup that holds the pods of a class."""
    return f"{KUBEPODS}/kubepods{_QOS[qos]}.slice" if _QOS[qos] else KUBEPODS


def pod_slice(qos: str, uid: str) -> str:
    """Return the path of a pod's cgroup."""
    return f"{slice_of(qos)}/kubepods{_QOS[qos]}-pod{uid.replace('-', '_')}.slice"


def scope(container_id: str) -> str:
    """Return the name of a container's cgroup."""
    return f"cri-containerd-{container_id}.scope"


def _files(limit: int | None, pids: tuple[int, ...]) -> dict[str, str]:
    events = "".join(f"{key} 0\n" for key in _EVENTS)
    usage = (limit or 256 << 20) // 3
    stat = {"anon": usage // 2, "file": usage // 4, "inactive_file": usage // 8, "slab": usage // 9}
    stall = "avg10=0.00 avg60=0.00 avg300=0.00 total=0"
    return {
        "cgroup.events": "populated 1\nfrozen 0\n",
        "cgroup.procs": "".join(f"{pid}\n" for pid in pids),
        "cgroup.type": "domain\n",
        "memory.current": f"{usage}\n",
        "memory.events": events,
        "memory.events.local": events,
        "memory.high": "max\n",
        "memory.low": "0\n",
        "memory.max": f"{limit or 'max'}\n",
        "memory.min": "0\n",
        "memory.oom.group": f"{int(bool(pids))}\n",
        "memory.pressure": f"some {stall}\nfull {stall}\n",
        "memory.stat": "".join(f"{key} {stat.get(key, 4096)}\n" for key in _STAT_LINES),
        "memory.swap.current": "0\n",
        "memory.swap.max": "max\n",
    }
