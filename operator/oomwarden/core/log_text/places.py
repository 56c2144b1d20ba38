"""Recognize whose cgroup a path in the log is: a container, a pod, a service, a batch job."""

import re

from msgspec import Struct

from oomwarden.core.parse.cgroup_paths import container_id, is_kubepods, is_qos, pod_uid

_SHORT_ID = 12
_QOS = {"burstable": "Burstable", "besteffort": "BestEffort"}
_CONMON = re.compile(r"(?:crio-|libpod-)?conmon-")
_OTHERS = (
    (re.compile(r"/ecs/(?:[^/]+/)?(?P<id>[0-9a-f]{32}(?:-\d+)?|[0-9a-f-]{36})"), "ECS task {}"),
    (re.compile(r"/slurm[^/]*/(?:.*/)?job_(?P<id>\d+)"), "Slurm job {}"),
    (re.compile(r"/hadoop-yarn/(?P<id>container_\w+)"), "YARN {}"),
    (re.compile(r"/mesos/(?P<id>[0-9a-f-]{36})"), "Mesos container {}"),
    (re.compile(r"/(?:lxc|lxc\.payload)[./](?P<id>[^/]+)$"), "LXC container {}"),
    (re.compile(r"/machine\.slice/machine-(?P<id>qemu[^/]+)\.scope"), "virtual machine {}"),
    (re.compile(r"/user-(?P<id>\d+)\.slice"), "a session of user {}"),
)


class LogPlace(Struct, frozen=True):
    """A cgroup in words.

    Attributes:
        words: What it is, such as `container 3f9c2a1b0d4e of pod 0a1b2c3d-...`.
        short: For a table.
        pod: The pod's UID.
        container: The container's id.
        qos: The pod's QoS class.
    """

    words: str
    short: str
    pod: str | None = None
    container: str | None = None
    qos: str | None = None


def place_of(path: str) -> LogPlace:
    """Return what a cgroup's path says, for cgroup v1 and v2."""
    names = [each for each in path.split("/") if each]
    if not names:
        return LogPlace("the root cgroup: the whole machine", "/")
    uids = [(at, uid) for at, each in enumerate(names) if (uid := pod_uid(each))]
    if uids:
        at, uid = uids[-1]
        return _in_pod(names, at, uid)
    if is_kubepods(names[-1]):
        return LogPlace("all pods of the node (kubepods)", names[-1])
    if is_qos(names[-1]) and "kubepods" in path:
        qos = _qos(names)
        return LogPlace(f"all {qos} pods of the node", names[-1], qos=qos)
    return _outside(path, names)


def _in_pod(names: list[str], at: int, uid: str) -> LogPlace:
    qos, inside = _qos(names[: at + 1]), names[at + 1 :]
    pod = f"pod {uid} ({qos})"
    found = next((leaf for each in inside if (leaf := container_id(each))), None)
    if found is not None:
        short = found[:_SHORT_ID]
        words = f"container {short} of {pod}"
        return LogPlace(words, f"container {short}", uid, found, qos)
    if inside and _CONMON.match(inside[0]):
        return LogPlace(f"the runtime's monitor (conmon) in {pod}", "conmon", uid, None, qos)
    if inside:
        return LogPlace(f"{inside[0]} in {pod}", inside[0], uid, None, qos)
    return LogPlace(pod, f"pod {uid[:8]}", uid, None, qos)


def _qos(names: list[str]) -> str:
    for name in names:
        for part, qos in _QOS.items():
            if name == part or f"kubepods-{part}" in name:
                return qos
    return "Guaranteed"


def _outside(path: str, names: list[str]) -> LogPlace:
    found = next((leaf for each in reversed(names) if (leaf := container_id(each))), None)
    if found is not None:
        short = found[:_SHORT_ID]
        kind = "Docker container" if "docker" in path else "container"
        kind = "Podman container" if "libpod" in path else kind
        return LogPlace(f"{kind} {short}", f"container {short}", container=found)
    unit = next((e for e in reversed(names) if e.endswith((".service", ".scope", ".slice"))), None)
    for pattern, words in _OTHERS:
        if (other := pattern.search(path)) and not (unit and unit.endswith(".service")):
            text = words.format(other["id"])
            return LogPlace(text, names[-1])
    if unit is not None:
        kind = "systemd unit" if unit == names[-1] else "a cgroup of the systemd unit"
        return LogPlace(f"{kind} {unit}", unit)
    return LogPlace(f"the cgroup {path}", names[-1])
