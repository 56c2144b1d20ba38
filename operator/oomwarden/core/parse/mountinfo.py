"""A container's name from /proc/PID/mountinfo, before the API server reports it.

The kubelet bind-mounts `<root>/pods/<uid>/containers/<name>/<8 hexadecimal digits>` at the
container's terminationMessagePath, and `<root>/pods/<uid>/etc-hosts` at /etc/hosts unless the
container mounts something there itself (kubernetes pkg/kubelet/kuberuntime/
kuberuntime_container.go, makeMounts; pkg/kubelet/kubelet_pods.go, makeMounts, v1.37).

The mount's source, field 4, contains the name: it is a path within the mounted file system (Linux
Documentation/filesystems/proc.rst, 3.5). If the pods' directory is a separate file system or a
subvolume, `/pods` is missing in front of the UID, and a tenant's own volume may contain the same
path. So every mount that matches counts, and two different names mean that the name is unknown.

A process of the runtime sees the host's mounts until it enters the container's mount namespace, and
the volumes of other pods are among them. A mount at the kubelet's path for a volume does not
identify the container, because a tenant of another pod may have made its source. It still counts as
a second name, because a container may choose such a path as its terminationMessagePath.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

_DEVICE, _SOURCE, _POINT = 2, 3, 4
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_NAME = r"(?P<name>[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)"
_TERMINATION_LOG = re.compile(rf"(?P<above>.*)(?:^|/)containers/{_NAME}/[0-9a-f]{{8}}", re.DOTALL)
_OF_VOLUMES = ("volumes/", "volume-subpaths/", "volumeDevices/", "plugins/")
_UID = r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})"
_VOLUMES_PLACE = re.compile(rf"/{_UID}/(?:{'|'.join(_OF_VOLUMES)})")
_DELETED = "//deleted"  # Linux fs/d_path.c: the source was removed while it is mounted


class _Mount(Struct, frozen=True):
    """One line: the file system's device, the path in it, and where it is mounted."""

    device: bytes
    source: str
    point: str


def container_name(mountinfo: bytes, pod_uid: str) -> str | None:
    """Return the container's name; None if no mount has it, or if there are several names.

    Args:
        mountinfo: The whole file: a part that is cut off could have another name.
        pod_uid: UID of the pod, as in its cgroup's name.
    """
    mounts = [mount for mount in _mounts(mountinfo) if not _is_of_a_volume(mount, pod_uid)]
    hosts = {(mount.device, mount.source) for mount in mounts if mount.point == "/etc/hosts"}
    found = [(mount, _TERMINATION_LOG.fullmatch(mount.source)) for mount in mounts]
    named = [(mount, match) for mount, match in found if match is not None]
    if len({match["name"] for _, match in named}) != 1:
        return None
    for mount, match in named:
        if _VOLUMES_PLACE.search(mount.point):
            continue
        above = match["above"]
        in_pods = above.endswith(f"/pods/{pod_uid}")
        beside_hosts = above.endswith(f"/{pod_uid}") and (
            (mount.device, f"{above}/etc-hosts") in hosts
        )
        if in_pods or beside_hosts:
            return match["name"]
    return None


def _mounts(mountinfo: bytes) -> Iterator[_Mount]:
    for line in mountinfo.split(b"\n"):  # a carriage return is not escaped
        fields = line.split(b" ")
        if len(fields) > _POINT:
            source = decode(fields[_SOURCE]).removesuffix(_DELETED)
            yield _Mount(fields[_DEVICE], source, decode(fields[_POINT]))


def _is_of_a_volume(mount: _Mount, pod_uid: str) -> bool:
    """Return whether a mount comes from one of the pod's volumes, or is the host's mount of one.

    Below the first `/<uid>/` of a path the kubelet chooses the names; in a volume, a tenant does. A
    process of the runtime sees the host's mounts before it enters the container's.
    """
    below = (path.partition(f"/{pod_uid}/")[2] for path in (mount.source, mount.point))
    return any(path.startswith(_OF_VOLUMES) for path in below)


def decode(field: bytes) -> str:
    r"""Decode the kernel's octal escapes of space, tab, newline, # and \ (fs/proc_namespace.c)."""
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), field)
    return raw.decode("utf-8", "surrogateescape")
