"""User-Mode Linux: a kernel as a program, at a third of the CPU time of an emulated machine.

Its processes are processes of the host; a seccomp filter hands their system calls to the kernel
program. That does not contain a hostile guest: it is for tests only.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from e2e.lab.errors import LabError
from e2e.lab.instance import Instance
from e2e.lab.machines.machine import Devices
from e2e.lab.shell import run

# The kernel program's memory is a file here, which must be mapped executable.
_MEMORY = Path("/dev/shm")  # noqa: S108 - its whole point is to be shared memory
_MIB = 1 << 20
_INSIDE, _OUTSIDE = "uml1", "uml0"
_PROBE_SECONDS = "20"
# Before it looks for a disk, the kernel has started its first host process under a filter.
_STARTED = "Unable to mount root fs"


@dataclass(frozen=True)
class UserModeLinux:
    """Implements `Machine`.

    Attributes:
        kernel: The kernel program.
    """

    kernel: Path
    name: str = "uml"

    @property
    def fingerprint(self) -> str:
        return str(self.kernel)

    def network(self) -> list[str]:
        # Its `tap` and `hybrid` transports crash the kernel; `raw` uses one end of a veth.
        return [
            f"link add {_OUTSIDE} type veth peer name {_INSIDE}",
            f"link set {_OUTSIDE} master br0",
            f"link set {_OUTSIDE} up",
            f"link set {_INSIDE} up",
        ]

    def command(self, instance: Instance, devices: Devices) -> list[str]:
        copies = (instance.run / f"{name}.cow" for name in ("system", "store"))
        system, store = copies
        return [
            *("env", f"TMPDIR={_MEMORY}", "taskset", "--cpu-list", str(_processor())),
            *(str(self.kernel), *_PROGRAM, f"mem={devices.memory}M"),
            *(f"ubd0={system},{devices.system}", f"ubd1={store},{devices.store}"),
            f"ubd2r={devices.identity}",
            f"vec0:transport=raw,ifname={_INSIDE},depth=64,mtu=1500",
            *("root=/dev/ubda", "rw", "net.ifnames=0", "systemd.show_status=false"),
        ]

    def console(self, instance: Instance) -> Path:
        return instance.run / "node.log"


# One processor: with two, or unpinned, each system call wakes another processor of the host.
_PROGRAM = ("seccomp=on", "ncpus=1", "con=null", "con0=fd:0,fd:1")


def _processor() -> int:
    """Return the host's processor for a node: the last one that this process may use."""
    return max(os.sched_getaffinity(0))


def check(kernel: Path, memory: int) -> None:
    """Check that the kernel program runs here.

    Args:
        kernel: The kernel program.
        memory: The node's memory, in MiB.

    Raises:
        LabError: It does not run; the message says why.
    """
    shared = os.statvfs(_MEMORY)
    free = shared.f_bavail * shared.f_frsize // _MIB
    if shared.f_flag & os.ST_NOEXEC:
        raise LabError(f"{_MEMORY} is mounted noexec: remount it with `exec`.")
    if free < memory:
        raise LabError(
            f"{memory} MiB are needed in {_MEMORY} and {free} MiB are free: start this container"
            " with a larger `--shm-size`, or remove files there."
        )
    check_seccomp(kernel)


def check_seccomp(kernel: Path) -> None:
    program = ("timeout", "--signal=KILL", _PROBE_SECONDS, kernel, *_PROGRAM, "mem=64M")
    output = run("sh", "-c", '"$0" "$@" 2>&1; true', "env", f"TMPDIR={_MEMORY}", *program)
    if _STARTED not in output:
        last = output.strip().splitlines()[-1:] or ["nothing"]
        raise LabError(
            f"User-Mode Linux does not run here (its last message: {last[0]}): start this"
            " container with `--privileged`, or `--security-opt seccomp=unconfined`."
        )
