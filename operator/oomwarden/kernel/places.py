"""Where the kernel's files are: made once, handed on."""

from dataclasses import dataclass

from oomwarden.kernel.cgroup import CgroupRoot
from oomwarden.kernel.process import ProcRoot


@dataclass(frozen=True, slots=True)
class Places:
    """Where the host's cgroups and processes are."""

    cgroups: CgroupRoot
    proc: ProcRoot
