"""From a cgroup directory's name to its place below the kubelet's root, for both cgroup drivers.

Names: kubernetes pkg/kubelet/cm/cgroup_manager_linux.go (ConvertCgroupNameToSystemd, v1.37),
containerd getCgroupsPath "slice:cri-containerd:id", CRI-O "crio-<id>"; other runtimes have other
prefixes, and so has kubepods below a kubelet's own root: --cgroup-root=/my-root makes
my_root.slice/my_root-kubepods.slice. The monitor of CRI-O and Podman, `...conmon-<id>`, is no
container, and neither is conmon-rs.
"""

import re
from enum import StrEnum

from oomwarden.core.model.cgroup import Cgroup, Level


class CgroupDriver(StrEnum):
    """Who makes the cgroups: systemd slices and scopes, or plain directories."""

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
    """Whether a directory of this name is the root of all pods."""
    return _KUBEPODS.fullmatch(name) is not None


def driver(kubepods_path: str) -> CgroupDriver:
    """Tell the cgroup driver from the path of the kubepods cgroup."""
    systemd = kubepods_path.endswith(".slice")
    return CgroupDriver.SYSTEMD if systemd else CgroupDriver.CGROUPFS


def pod_uid(name: str) -> str | None:
    """Read the pod's UID out of its cgroup's name.

    A static pod's is its config.hash: 32 hexadecimal digits without dashes.
    """
    found = _POD.fullmatch(name)
    if found is None:
        return None
    return (found["slice"] or found["plain"]).replace("_", "-")


def container_id(name: str) -> str | None:
    """Read the container's 64-digit id out of its cgroup's name."""
    found = _CONTAINER.fullmatch(name)
    return found["id"] if found else None


def is_outsider(name: str) -> bool:
    """Whether a directory of this name in a pod is surely none of its containers'.

    Every runtime has the container's id in the name; so has cri-o's crio-conmon-<id>.scope.
    """
    return "conmon" in name or re.search(r"[0-9a-f]{64}", name) is None


def child(parent: Cgroup, name: str, inode: int) -> Cgroup | None:
    """Place a directory below a known cgroup; None when it is not the kubelet's to us."""
    path = f"{parent.path}/{name}"
    uid = pod_uid(name)
    if parent.level in {Level.KUBEPODS, Level.QOS} and uid:
        return Cgroup(inode, path, Level.POD, uid)
    if parent.level is Level.KUBEPODS and is_qos(name):
        return Cgroup(inode, path, Level.QOS)
    if parent.level is Level.POD and (leaf := container_id(name)):
        return Cgroup(inode, path, Level.CONTAINER, parent.pod_uid, leaf)
    return None


def is_runtimes_own(scope: str, below: str) -> bool:
    """Whether a cgroup below a container's is the runtime's own, and so the container itself.

    crun with the systemd manager puts the processes into `<scope>/container` and sets the limit
    there too (src/libcrun/cgroup-systemd.c; crun.1, run.oci.systemd.subgroup); with plain
    directories it makes none (cgroup-cgroupfs.c). Any runtime's scope may be crun's: containerd and
    Podman start it as CRI-O does. Under runc a container with a delegated cgroup can make one of
    this name, and gains nothing: its kill at a limit of its own is told as one at the container's,
    which it can reach as well. Another name of crun's comes from an annotation that tenants write,
    and is not believed.
    """
    return below == _CRUN_GROUP and scope.endswith(_SCOPE)


def below(kernel_path: str, path: str) -> str | None:
    """Give the part of a path of the kernel log below a cgroup: empty for itself; None: not in it.

    What the runtime itself puts between the container's cgroup and its processes is left out.
    """
    if not same_place(kernel_path, path):
        return None
    scope = path.rpartition("/")[2]
    rest = f"{kernel_path}/".partition(f"/{path.lstrip('/')}/")[2].rstrip("/")
    first, _, inner = rest.partition("/")
    return inner if is_runtimes_own(scope, first) else rest


def is_qos(name: str) -> bool:
    """Whether a directory of this name below kubepods is that of a QoS class."""
    return _QOS.fullmatch(name) is not None


def level_above(kernel_path: str, path: str) -> str | None:
    """Name the cgroup above this one that a path of the kernel log is; None: it is none of them."""
    above = path
    while above := above.rpartition("/")[0]:
        if below(kernel_path, above) == "":
            return above.rpartition("/")[2]
    return None


def same_place(kernel_path: str, path: str) -> bool:
    """Whether a path of the kernel log is this cgroup or lies below it.

    A nested node's kernel log shows outer prefixes, so any may stand before it; but the first
    place counts where the node's own cgroups begin: below its own a container may make any names,
    also those of other pods. Both are absolute or relative paths without a trailing slash.
    """
    inner = f"/{path.lstrip('/')}/"
    top = inner[: inner.index("/", 1) + 1]
    whole = f"{kernel_path}/"
    begin = whole.find(top)
    return begin >= 0 and whole.startswith(inner, begin)
