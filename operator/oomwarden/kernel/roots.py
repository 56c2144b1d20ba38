"""The mount points through which the agent reads the host."""

from dataclasses import dataclass

from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.proc.process import ProcRoot


@dataclass(frozen=True, slots=True)
class HostRoots:
    """The host's cgroup2 mount and its /proc."""

    cgroups: CgroupRoot
    proc: ProcRoot
