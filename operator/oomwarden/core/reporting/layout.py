"""Pods whose containers run outside the kubelet's cgroups: how to detect that, and the remedy."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from oomwarden.core.model.pod import PodFacts

_ID = re.compile(r"[0-9a-f]{64}")
_NOT_SYSTEMD = re.compile(r"[^:/]*-pod[^:/]*\.slice:[^:/]+:(?P<id>[0-9a-f]{64})")
EXAMPLES = 3
_DRIVER = (
    "the kubelet uses the systemd cgroup driver and the runtime does not, so the runtime uses "
    "the kubelet's `slice:prefix:id` as a directory name: configure the same driver for both "
    "(containerd: SystemdCgroup = true in the runc runtime's options; CRI-O: cgroup_manager = "
    '"systemd"; kubelet: cgroupDriver), and recreate the pods'
)
_ELSEWHERE = (
    "check the kubelet's cgroupRoot and cgroupsPerQOS (leave them at their defaults, or set "
    "cgroupRoot to a cgroup above all pods), and the runtime's cgroup settings"
)
_NOWHERE = (
    "their cgroups were not found: check the kubelet's cgroupRoot and cgroupsPerQOS, that the "
    "agent sees the host's /sys/fs/cgroup, and the names that the runtime gives cgroups; "
    "recreate pods that were created under another cgroup driver. Pods in a Kata guest cannot "
    "be observed"
)


class UnknownCgroup(Struct, frozen=True):
    """A container's cgroup outside of the kubelet's.

    Attributes:
        path: Its path.
        container_id: The container's ID.
        is_unit_name: Its name is a systemd unit's, because the runtime does not use systemd.
    """

    path: str
    container_id: str
    is_unit_name: bool


def parse_unknown_cgroup(path: str) -> UnknownCgroup | None:
    """Parse the path of a cgroup outside of kubepods; None if it is not a container's."""
    name = path.rpartition("/")[2]
    unit, plain = _NOT_SYSTEMD.fullmatch(name), _ID.search(name)
    if plain is None or "conmon" in name:
        return None
    return UnknownCgroup(path, unit["id"] if unit else plain[0], unit is not None)


def containers_without_cgroup(pods: Sequence[PodFacts], seen: frozenset[str]) -> dict[str, str]:
    """Return running containers of pods without any known container cgroup.

    A pod in a guest has a cgroup for its sandbox alone, so it is not included.

    Args:
        pods: The node's pods, according to the API server.
        seen: UIDs of the pods that have a container's cgroup, as in the names of the cgroups.

    Returns:
        `namespace/pod/container` by container ID.
    """
    return {
        container.container_id: f"{pod.namespace}/{pod.name}/{container.name}"
        for pod in pods
        if pod.cgroup_uid not in seen and not pod.deleting
        for container in pod.containers
        if container.container_id is not None
    }


def layout_remedy(missing: Mapping[str, str], strays: Sequence[UnknownCgroup]) -> str:
    """Explain what to do about containers that run outside of kubepods; empty if none does.

    Args:
        missing: The result of `containers_without_cgroup`, if it lasts longer than a start or an
            end takes.
        strays: Containers' cgroups outside of kubepods, whether they belong to pods or not.
    """
    units = [one for one in strays if one.is_unit_name]
    others = [one for one in strays if one.container_id in missing and not one.is_unit_name]
    found = {one.container_id for one in (*units, *others)}
    nowhere = [name for key, name in missing.items() if key not in found]
    texts = [
        _listed("containers run outside of kubepods, at", [one.path for one in units], _DRIVER),
        _listed("containers run outside of kubepods, at", [one.path for one in others], _ELSEWHERE),
        _listed("containers run that the agent does not see:", nowhere, _NOWHERE),
    ]
    text = ". ".join(filter(None, texts))
    return f"{text}. Their kills are not recorded, and no policy applies to them" if text else ""


def _listed(what: str, which: Sequence[str], why: str) -> str:
    if not which:
        return ""
    more = f" and {len(which) - EXAMPLES} more" if len(which) > EXAMPLES else ""
    return f"{len(which)} {what} {', '.join(which[:EXAMPLES])}{more}: {why}"
