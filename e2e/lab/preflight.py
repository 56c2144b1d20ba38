"""Checks before anything is built; each failure is one sentence with the remedy."""

import os
import platform
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from e2e.lab import cache, debian, tools, versions
from e2e.lab.errors import LabError
from e2e.lab.memory import available_here
from e2e.lab.progress import step
from e2e.lab.shell import run, succeeds

_TUN = Path("/dev/net/tun")
# Measured: Go's caches need 5.6 GB, its scratch space up to 3 GB, the lab's cache 3 GB.
_DISK_TO_COMPILE = 12
_DISK_ONCE_COMPILED = 4
_GIB = 1 << 30
_CONTROL_PLANE_MEMORY = 1536
_PACKAGES = (
    "buildah",
    "busybox-static",
    "e2fsprogs",
    "gcc",
    "iproute2",
    "kmod",
    "libc6-dev",
    "mmdebstrap",
    "openssl",
    "qemu-system-x86",
)


def check(node_memory: int, groups: Iterable[str]) -> None:
    """Check that the lab can be built and started on this machine.

    Args:
        node_memory: Memory that a node to be started will use, in MiB; 0 if none is started.
        groups: The groups of programs that the lab needs.

    Raises:
        LabError: Something is missing that this command cannot install.
    """
    compiles = tools.missing(groups)
    if compiles:
        _check_go()
    _check_disk(compiles=compiles)
    _check_memory(node_memory)


def check_machine() -> None:
    """Check that this machine and user can run the lab at all.

    Raises:
        LabError: They cannot.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise LabError("The lab emulates an x86-64 node: run it on an x86-64 Linux machine.")
    if os.geteuid() != 0:
        raise LabError("The lab needs root for its network and disks: run it with sudo.")
    if not _can_open(_TUN):
        raise LabError(
            f"{_TUN} cannot be opened: run `modprobe tun`, or start this container with"
            " `--device /dev/net/tun --cap-add NET_ADMIN`."
        )
    if not succeeds("unshare", "--net", "--mount", "true"):
        raise LabError(
            "Namespaces cannot be created here: start this container with `--privileged`."
        )


def _can_open(device: Path) -> bool:
    try:
        os.close(os.open(device, os.O_RDWR))
    except OSError:
        return False
    return True


def _check_go() -> None:
    wanted = ".".join(map(str, versions.GO_MINIMUM))
    remedy = f"install Go {wanted} or newer (https://go.dev/dl) and put its `go` on the PATH."
    if shutil.which("go") is None:
        raise LabError(f"Go is not installed: {remedy}")
    found = run("go", "env", "GOVERSION").strip()
    if go_version(found) < versions.GO_MINIMUM:
        raise LabError(f"This machine's Go is {found}: {remedy}")


def go_version(text: str) -> tuple[int, ...]:
    """Parse a version of Go, e.g. `go1.26.8`; return `()` for an unreleased one."""
    match = re.match(r"go(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()


def _check_disk(*, compiles: bool) -> None:
    needed, folders = _DISK_ONCE_COMPILED, [cache.root()]
    if compiles:
        caches = run("go", "env", "GOCACHE", "GOMODCACHE").split()
        needed, folders = _DISK_TO_COMPILE, [*folders, *map(Path, caches)]
    for folder in folders:
        free = shutil.disk_usage(_existing_parent(folder)).free / _GIB
        if free < needed:
            raise LabError(
                f"{needed} GiB of disk are needed at {folder} and {free:.1f} GiB are free:"
                " free some space, or set OOMWARDEN_CACHE, GOCACHE and GOMODCACHE to a larger disk."
            )


def _existing_parent(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _check_memory(node_memory: int) -> None:
    if not node_memory:
        return
    needed = node_memory + _CONTROL_PLANE_MEMORY
    free = available_here()
    if free < needed:
        raise LabError(
            f"{needed} MiB of memory are needed and {free} MiB are available: stop other"
            " programs, or give the node less with `python3 -m e2e.lab up --memory 3072`."
        )


def install_packages() -> None:
    """Install the Debian packages that the lab needs.

    Raises:
        LabError: A package is not available.
    """
    if shutil.which("apt-get") is None:
        raise LabError("The lab is built from Debian packages: run it on Debian 12 or newer.")
    debian.sources()
    missing = debian.missing_packages(_PACKAGES)
    if missing:
        with step("install packages", f"apt-get: {', '.join(missing)}"):
            debian.install(missing)
