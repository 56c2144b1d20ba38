"""Pods whose containers run where no kubelet's cgroup is: what that looks like, and the remedy."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oomwarden.core.model.pod import PodFacts

_ID = re.compile(r"[0-9a-f]{64}")
_NOT_SYSTEMD = re.compile(r"[^:/]*-pod[^:/]*\.slice:[^:/]+:(?P<id>[0-9a-f]{64})")
EXAMPLES = 3
_DRIVER = (
    "the kubelet uses the systemd cgroup driver and the runtime does not, so it takes the "
    "`slice:prefix:id` that the kubelet's driver asks for as a directory's name: let both use the "
    "same (containerd: SystemdCgroup = true in the runc runtime's options; CRI-O: cgroup_manager = "
    '"systemd"; kubelet: cgroupDriver), and recreate the pods'
)
_ELSEWHERE = (
    "look at the kubelet's cgroupRoot and cgroupsPerQOS (they have to be left at their defaults, "
    "or cgroupRoot to a cgroup above all pods), and at the runtime's cgroup settings"
)
_NOWHERE = (
    "no cgroup of theirs was found: look at the kubelet's cgroupRoot and cgroupsPerQOS, at whether "
    "the host's /sys/fs/cgroup is what the agent sees, and at the names that the runtime gives "
    "cgroups; recreate pods that were made under another cgroup driver; of pods in a Kata guest "
    "nothing can be seen"
)


@dataclass(frozen=True, slots=True)
class UnknownCgroup:
    """A container's cgroup outside of the kubelet's; `is_unit_name`: its runtime lacks systemd."""

    path: str
    container_id: str
    is_unit_name: bool


def stray(path: str) -> UnknownCgroup | None:
    """Read the path of a cgroup outside of kubepods; None: its name is not a container's."""
    name = path.rpartition("/")[2]
    unit, plain = _NOT_SYSTEMD.fullmatch(name), _ID.search(name)
    if plain is None or "conmon" in name:
        return None
    return UnknownCgroup(path, unit["id"] if unit else plain[0], unit is not None)


def unseen(pods: Sequence[PodFacts], seen: frozenset[str]) -> dict[str, str]:
    """Give running containers of pods of which no container's cgroup is known.

    A pod in a guest has a cgroup for its sandbox alone, and so is not among them.

    Args:
        pods: The node's, as the API server tells them.
        seen: UIDs of the pods that have a container's cgroup, as the cgroups' names have them.

    Returns:
        `namespace/pod/container` by container id.
    """
    return {
        container.container_id: f"{pod.namespace}/{pod.name}/{container.name}"
        for pod in pods
        if pod.cgroup_uid not in seen and not pod.deleting
        for container in pod.containers
        if container.container_id is not None
    }


def remedy(missing: Mapping[str, str], strays: Sequence[UnknownCgroup]) -> str:
    """Say what to do about containers that run outside of kubepods; empty: none does.

    Args:
        missing: What `unseen` gave, for long enough that a start or an end does not explain it.
        strays: Containers' cgroups outside of kubepods, pods' or not.
    """
    units = [one for one in strays if one.is_unit_name]
    others = [one for one in strays if one.container_id in missing and not one.is_unit_name]
    found = {one.container_id for one in (*units, *others)}
    nowhere = [name for key, name in missing.items() if key not in found]
    said = [
        _said("containers run outside of kubepods, at", [one.path for one in units], _DRIVER),
        _said("containers run outside of kubepods, at", [one.path for one in others], _ELSEWHERE),
        _said("containers run that the agent does not see:", nowhere, _NOWHERE),
    ]
    told = ". ".join(filter(None, said))
    return f"{told}. Their kills are not recorded and no policy holds on them" if told else ""


def _said(what: str, which: Sequence[str], why: str) -> str:
    if not which:
        return ""
    more = f" and {len(which) - EXAMPLES} more" if len(which) > EXAMPLES else ""
    return f"{len(which)} {what} {', '.join(which[:EXAMPLES])}{more}: {why}"
