"""A container's name from /proc/PID/mountinfo, before the API server tells it.

The kubelet bind-mounts `<root>/pods/<uid>/containers/<name>/<8 hexadecimal digits>` at the
container's terminationMessagePath, and `<root>/pods/<uid>/etc-hosts` at /etc/hosts unless the
container mounts something there itself (kubernetes pkg/kubelet/kuberuntime/
kuberuntime_container.go, makeMounts; pkg/kubelet/kubelet_pods.go, makeMounts, v1.37).

What tells is the mount's source, field 4: a path within the mounted file system (Linux
Documentation/filesystems/proc.rst, 3.5). Where the pods' directory is a file system of its own, or
a subvolume, `/pods` is missing in front of the UID, and a tenant's own volume may hold the same
path. So any mount that could be meant counts: two names are no name.

A process of the runtime has the host's mounts until it enters the container's, and those of other
pods' volumes are among them. One at the kubelet's place for a volume names nobody, as a tenant of
another pod may have made its source; it counts all the same, as a container may choose such a path
for its own message.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_DEVICE, _SOURCE, _POINT = 2, 3, 4
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_NAME = r"(?P<name>[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)"
_TERMINATION_LOG = re.compile(rf"(?P<above>.*)(?:^|/)containers/{_NAME}/[0-9a-f]{{8}}", re.DOTALL)
_OF_VOLUMES = ("volumes/", "volume-subpaths/", "volumeDevices/", "plugins/")
_UID = r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})"
_VOLUMES_PLACE = re.compile(rf"/{_UID}/(?:{'|'.join(_OF_VOLUMES)})")
_DELETED = "//deleted"  # Linux fs/d_path.c: the source was removed while it is mounted


@dataclass(frozen=True, slots=True)
class _Mount:
    """One line: the file system's device, the path in it, and where it is mounted."""

    device: bytes
    source: str
    point: str


def container_name(mountinfo: bytes, pod_uid: str) -> str | None:
    """Read the container's name; None when no mount, or more than one name, tells it.

    Args:
        mountinfo: The file, whole: what is cut off could be the mount that tells.
        pod_uid: UID of the pod, as its cgroup has it.
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
    """Whether it comes from one of the pod's volumes, or is the host's mount of one.

    Below the first `/<uid>/` of a path the kubelet makes the names; in a volume a tenant does. A
    process of the runtime sees the host's mounts before it enters the container's.
    """
    below = (path.partition(f"/{pod_uid}/")[2] for path in (mount.source, mount.point))
    return any(path.startswith(_OF_VOLUMES) for path in below)


def decode(field: bytes) -> str:
    r"""Undo the kernel's octal escapes of space, tab, newline, # and \ (fs/proc_namespace.c)."""
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), field)
    return raw.decode("utf-8", "surrogateescape")
