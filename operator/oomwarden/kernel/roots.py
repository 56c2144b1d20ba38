"""Where the kernel's files are: made once, handed on."""

from dataclasses import dataclass

from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.proc.process import ProcRoot


@dataclass(frozen=True, slots=True)
class HostRoots:
    """Where the host's cgroups and processes are."""

    cgroups: CgroupRoot
    proc: ProcRoot
