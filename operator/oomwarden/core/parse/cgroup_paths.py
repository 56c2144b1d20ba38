"""Recognize the kubelet's cgroups by their directory names, for both cgroup drivers.

Sources: kubernetes pkg/kubelet/cm/cgroup_manager_linux.go (ConvertCgroupNameToSystemd, v1.37),
containerd getCgroupsPath "slice:cri-containerd:id", CRI-O "crio-<id>". Other runtimes use other
prefixes. With a kubelet's own root, kubepods has a prefix, too: --cgroup-root=/my-root makes
my_root.slice/my_root-kubepods.slice. The monitor of CRI-O and Podman, `...conmon-<id>`, is not a
container, and neither is conmon-rs.
"""

import re
from enum import StrEnum

from oomwarden.core.model.cgroup import Cgroup, Level


class CgroupDriver(StrEnum):
    """How cgroups are created: as systemd slices and scopes, or as plain directories."""

    SYSTEMD = "systemd"
    CGROUPFS = "cgroupfs"


_PREFIX = r"(?:[^-/\n]+-)*"
_KUBEPODS = re.compile(rf"{_PREFIX}kubepods\.slice|kubepods")
_QOS = re.compile(rf"{_PREFIX}kubepods-(?:burstable|besteffort)\.slice|burstable|besteffort")
_UID = r"[0-9a-f]{8}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{12}"
_POD = re.compile(
    rf"{_PREFIX}kubepods(?:-burstable|-besteffort)?-pod(?P<slice>{_UID})\.slice"
    rf"|pod(?P<plain>{_UID})"
)
_CRUN_GROUP, _SCOPE = "container", ".scope"
_CONTAINER = re.compile(
    r"(?:(?:[a-z0-9_.]+-)*(?<!conmon-)(?<!conmonrs-))?(?P<id>[0-9a-f]{64})(?:\.scope)?"
)


def is_kubepods(name: str) -> bool:
    """Return whether a directory of this name is the root of all pods."""
    return _KUBEPODS.fullmatch(name) is not None


def driver(kubepods_path: str) -> CgroupDriver:
    """Return the cgroup driver, which the path of the kubepods cgroup shows."""
    systemd = kubepods_path.endswith(".slice")
    return CgroupDriver.SYSTEMD if systemd else CgroupDriver.CGROUPFS


def pod_uid(name: str) -> str | None:
    """Return the pod's UID in its cgroup's name; None if it is not the name of a pod's cgroup.

    For a static pod it is the config.hash: 32 hexadecimal digits without dashes.
    """
    found = _POD.fullmatch(name)
    if found is None:
        return None
    return (found["slice"] or found["plain"]).replace("_", "-")


def container_id(name: str) -> str | None:
    """Return the container's 64-digit id in its cgroup's name; None if there is none."""
    found = _CONTAINER.fullmatch(name)
    return found["id"] if found else None


def cannot_be_container(name: str) -> bool:
    """Return whether a directory of this name in a pod cannot be a container's.

    With every runtime the name contains the container's id. So does crio-conmon-<id>.scope of
    CRI-O's monitor.
    """
    return "conmon" in name or re.search(r"[0-9a-f]{64}", name) is None


def child(parent: Cgroup, name: str, inode: int) -> Cgroup | None:
    """Return the cgroup of a directory below a known one; None if it is none of the kubelet's."""
    path = f"{parent.path}/{name}"
    uid = pod_uid(name)
    if parent.level in {Level.KUBEPODS, Level.QOS} and uid:
        return Cgroup(inode, path, Level.POD, uid)
    if parent.level is Level.KUBEPODS and is_qos(name):
        return Cgroup(inode, path, Level.QOS)
    if parent.level is Level.POD and (leaf := container_id(name)):
        return Cgroup(inode, path, Level.CONTAINER, parent.pod_uid, leaf)
    return None


def is_runtime_subgroup(scope: str, below: str) -> bool:
    """Return whether a cgroup below a container's was made by the runtime: the container itself.

    crun with the systemd manager moves the processes to `<scope>/container` and sets the limit
    there, too (src/libcrun/cgroup-systemd.c; crun.1, run.oci.systemd.subgroup). With plain
    directories it makes no such cgroup (cgroup-cgroupfs.c). The scope of any runtime may be crun's:
    containerd and Podman start it as CRI-O does. Under runc, a container with a delegated cgroup
    can make one of this name, but gains nothing: a kill at its own limit is reported as one at the
    container's limit, which it can reach anyway. crun takes other names from an annotation that
    tenants write; these are ignored.
    """
    return below == _CRUN_GROUP and scope.endswith(_SCOPE)


def below(kernel_path: str, path: str) -> str | None:
    """Return the part of a path in the kernel log that is below a cgroup.

    A cgroup that the runtime made between the container's and its processes is left out.

    Args:
        kernel_path: The path in the kernel log.
        path: Path of the cgroup.

    Returns:
        Empty for the cgroup itself; None if the path is not in it.
    """
    if not is_same_or_below(kernel_path, path):
        return None
    scope = path.rpartition("/")[2]
    rest = f"{kernel_path}/".partition(f"/{path.lstrip('/')}/")[2].rstrip("/")
    first, _, inner = rest.partition("/")
    return inner if is_runtime_subgroup(scope, first) else rest


def is_qos(name: str) -> bool:
    """Return whether a directory of this name below kubepods is that of a QoS class."""
    return _QOS.fullmatch(name) is not None


def level_above(kernel_path: str, path: str) -> str | None:
    """Return the name of the ancestor that a path in the kernel log is; None if it is none."""
    above = path
    while above := above.rpartition("/")[0]:
        if below(kernel_path, above) == "":
            return above.rpartition("/")[2]
    return None


def is_same_or_below(kernel_path: str, path: str) -> bool:
    """Return whether a path in the kernel log is this cgroup or is below it.

    The kernel log of a nested node shows outer prefixes, so the path may have any prefix. But only
    the first place where the node's own cgroups begin counts: below its own cgroup a container may
    choose any names, even those of other pods.

    Args:
        kernel_path: The path in the kernel log, absolute or relative, without a trailing slash.
        path: Path of the cgroup, likewise.
    """
    inner = f"/{path.lstrip('/')}/"
    top = inner[: inner.index("/", 1) + 1]
    whole = f"{kernel_path}/"
    begin = whole.find(top)
    return begin >= 0 and whole.startswith(inner, begin)
