"""The mount points through which the agent reads the host."""

from msgspec import Struct

from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.proc.process import ProcRoot


class HostRoots(Struct, frozen=True):
    """The host's cgroup2 mount and its /proc."""

    cgroups: CgroupRoot
    proc: ProcRoot
