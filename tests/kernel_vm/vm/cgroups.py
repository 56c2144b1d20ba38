"""Creates the kubelet's cgroups, as both drivers name them, on the machine's cgroup2 mount."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from oomwarden.core.parse.flat_keyed import parse_counters
from patience import PATIENCE

ROOT = Path("/sys/fs/cgroup")
STABLE_READS = 4
"""How many consecutive reads must return the same `oom_kill`."""


@dataclass(frozen=True)
class Layout:
    """How a node names its cgroups; `prefix` is the root of a nested kubelet (kind)."""

    systemd: bool = True
    prefix: str = ""
    runtime: str = "cri-containerd-"

    @property
    def kubepods(self) -> str:
        if not self.prefix:
            return "kubepods.slice" if self.systemd else "kubepods"
        tail = f"{self.prefix}-kubepods.slice" if self.systemd else "kubepods"
        return f"{self.prefix}.slice/{tail}" if self.systemd else f"{self.prefix}/{tail}"

    def qos(self, name: str) -> str:
        """Return the cgroup of a QoS class; `guaranteed` has no level of its own."""
        if name == "guaranteed":
            return self.kubepods
        if not self.systemd:
            return f"{self.kubepods}/{name}"
        return f"{self.kubepods}/{self._slice()}-{name}.slice"

    def pod(self, qos: str, uid: str) -> str:
        if not self.systemd:
            return f"{self.qos(qos)}/pod{uid}"
        middle = "" if qos == "guaranteed" else f"-{qos}"
        return f"{self.qos(qos)}/{self._slice()}{middle}-pod{uid.replace('-', '_')}.slice"

    def container(self, pod: str, identifier: str) -> str:
        return f"{pod}/{self.runtime}{identifier}.scope" if self.systemd else f"{pod}/{identifier}"

    def _slice(self) -> str:
        return f"{self.prefix}-kubepods" if self.prefix else "kubepods"


SYSTEMD = Layout()
CGROUPFS = Layout(systemd=False)


def make(path: str) -> str:
    """Create a cgroup and its parents, each with the memory controller."""
    if not (ROOT / path).is_dir():
        above, _, _ = path.rpartition("/")
        if above:
            make(above)
            write(above, "cgroup.subtree_control", "+memory")
        (ROOT / path).mkdir()
    return path


def write(path: str, name: str, value: object) -> None:
    (ROOT / path / name).write_text(str(value))


def events(path: str, name: str = "memory.events") -> dict[str, int]:
    """Return the counters once they are stable: victims of a group kill die one by one."""
    seen, stable = _events(path, name), 0
    while stable < STABLE_READS:
        time.sleep(0.05)
        now = _events(path, name)
        stable = stable + 1 if now["oom_kill"] == seen["oom_kill"] else 0
        seen = now
    return seen


def _events(path: str, name: str) -> dict[str, int]:
    counters = parse_counters((ROOT / path / name).read_bytes())
    return {key.decode(): value for key, value in counters.items()}


def current(path: str) -> int:
    """Return the memory in use, in bytes."""
    return int((ROOT / path / "memory.current").read_text())


def pids(path: str) -> list[int]:
    return [int(line) for line in (ROOT / path / "cgroup.procs").read_text().split()]


def below(path: str) -> Iterator[Path]:
    """Yield a cgroup and all cgroups below it, deepest first."""
    for folder, _, _ in os.walk(ROOT / path, topdown=False):
        yield Path(folder)


def remove(path: str) -> None:
    """Kill all processes in a cgroup and remove it, with all cgroups below it."""
    top = ROOT / path
    if not top.is_dir():
        return
    (top / "cgroup.kill").write_text("1")
    end = time.monotonic() + PATIENCE
    while top.is_dir():
        with contextlib.suppress(OSError):  # still populated
            for folder in below(path):
                folder.rmdir()
        if time.monotonic() > end:
            raise TimeoutError(f"{path} is not empty after {PATIENCE} s")
        time.sleep(0.01)
