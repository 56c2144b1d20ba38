"""A container's name from /proc/PID/mountinfo, before the API server tells it.

The kubelet bind-mounts `<root>/pods/<uid>/containers/<name>/<8 hexadecimal digits>` at the
container's terminationMessagePath (kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go,
makeMounts, v1.37). What tells is the mount's source, field 4, wherever it is mounted.
"""

import re

_SOURCE = 3
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_TERMINATION_LOG = re.compile(r"containers/([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)/[0-9a-f]{8}")


def container_name(mountinfo: bytes, pod_uid: str) -> str | None:
    """Read the container's name; None when no mount, or more than one name, tells it.

    Only the first `/pods/<uid>/` of a path counts: below it, in a volume, a tenant makes any path.
    """
    names = {
        found[1]
        for line in mountinfo.splitlines()
        if (found := _TERMINATION_LOG.fullmatch(_below_pod(line, pod_uid)))
    }
    return names.pop() if len(names) == 1 else None


def _below_pod(line: bytes, pod_uid: str) -> str:
    fields = line.split(b" ")
    if len(fields) <= _SOURCE:
        return ""
    return decode(fields[_SOURCE]).partition(f"/pods/{pod_uid}/")[2]


def decode(field: bytes) -> str:
    r"""Undo the kernel's octal escapes of space, tab, newline, # and \ (fs/proc_namespace.c)."""
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), field)
    return raw.decode("utf-8", "surrogateescape")
