"""A /proc of plain files: the processes of pods and of the node's services.

What is about the machine, and what is about the reader itself, is that of the real /proc.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

_OF_THE_MACHINE = ("self", "meminfo", "vmstat", "sys", "pressure", "mounts", "loadavg")
_MOUNTS = (
    "{id} 1 0:{id} / / rw,relatime master:1 - overlay overlay rw,lowerdir=/var/lib/containerd/l/1,"
    "upperdir=/var/lib/containerd/{id}/fs,workdir=/var/lib/containerd/{id}/work\n"
    "{id} 2 0:51 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
    "{id} 3 0:52 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755\n"
    "{id} 4 0:53 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5,mode=620\n"
    "{id} 5 0:54 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro\n"
    "{id} 6 0:55 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n"
)
_OF_KUBELET = (
    "{id} 7 8:1 {pods}/etc-hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw\n"
    "{id} 8 8:1 {pods}/containers/{name}/0a1b2c3d /dev/termination-log rw,relatime - ext4 "
    "/dev/sda1 rw\n"
    "{id} 9 0:56 / /run/secrets/kubernetes.io/serviceaccount ro,relatime - tmpfs tmpfs rw\n"
)


@dataclass(frozen=True)
class Process:
    """One process.

    Attributes:
        pid: Its number.
        comm: Its name.
        command: Its arguments, each ended by a zero byte.
        score: Its oom_score_adj as the kubelet set it.
        cgroup: The path of its cgroup.
        mounts: Its mountinfo.
    """

    pid: int
    comm: str
    command: str
    score: int
    cgroup: str
    mounts: str = _MOUNTS.format(id=1)


class Processes:
    """The directory; it numbers processes as the kernel does, one after the other."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._last = 1000
        root.mkdir()
        for name in _OF_THE_MACHINE:
            if Path("/proc", name).exists():
                (root / name).symlink_to(Path("/proc", name))

    def next_pid(self) -> int:
        """Return the next free number."""
        self._last += 1
        return self._last

    def start(self, process: Process) -> None:
        """Add a process."""
        new = self.root / f"new-{process.pid}"
        new.mkdir()
        for name, text in _files(process).items():
            (new / name).write_text(text)
        new.rename(self.root / str(process.pid))

    def exit(self, pid: int) -> None:
        """Remove a process at one moment."""
        gone = self.root / f"gone-{pid}"
        (self.root / str(pid)).rename(gone)
        shutil.rmtree(gone)


def container_mounts(number: int, pod_uid: str, name: str) -> str:
    """Return the mountinfo of a container's process."""
    of_pod = _OF_KUBELET.format(id=number, pods=f"/var/lib/kubelet/pods/{pod_uid}", name=name)
    return _MOUNTS.format(id=number) + of_pod


def _files(process: Process) -> dict[str, str]:
    pid, comm = process.pid, process.comm
    between = "0 " * 15  # tty_nr to itrealvalue
    sizes = (("VmRSS", 32768), ("RssAnon", 30000), ("VmSwap", 0), ("VmPTE", 120), ("VmSize", 90000))
    lines = "".join(f"{key}:\t{value:8d} kB\n" for key, value in sizes)
    return {
        "cgroup": f"0::/{process.cgroup}\n",
        "cmdline": process.command,
        "comm": f"{comm}\n",
        "mountinfo": process.mounts,
        "oom_score_adj": f"{process.score}\n",
        "oom_score": f"{666 + process.score * 2 // 3}\n",
        "stat": f"{pid} ({comm}) S 1 {pid} {pid} {between}{1000 + pid} 92160000 8192 0\n",
        "statm": "22500 8192 1000 500 0 9000 0\n",
        "status": f"Name:\t{comm}\nState:\tS (sleeping)\nPid:\t{pid}\nPPid:\t1\n{lines}",
    }
