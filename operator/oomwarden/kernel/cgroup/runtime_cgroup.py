"""The cgroup that a runtime makes below a container's own, and puts the container into.

crun does so with the systemd driver, under the name `container` unless the annotation
run.oci.systemd.subgroup says otherwise (crun src/libcrun/cgroup-systemd.c, get_subcgroup_name);
what the OCI spec asks for in `unified` is written there and only there (cgroup-resources.c,
write_unified_resources). Cgroups of other names, and those further below, are the container's own.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError

NAME = "container"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def below(directory: int) -> Iterator[int | None]:
    """Hold the runtime's cgroup below a held container's; None: there is none.

    A container that holds processes itself has none: a cgroup of this name is then its own.
    """
    found = None
    if not _holds_processes(directory):
        with suppress(CgroupGoneError, NotADirectoryError):
            found = files.open_at(directory, NAME, _DIRECTORY)
    try:
        yield found
    finally:
        if found is not None:
            os.close(found)


def _holds_processes(directory: int) -> bool:
    try:
        return bool(files.read_at(directory, "cgroup.procs").strip())
    except (CgroupGoneError, OSError):  # a threaded cgroup answers EOPNOTSUPP
        return False
