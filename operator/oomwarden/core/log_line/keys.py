"""The keys of a log line: a contract with whoever queries the log."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from oomwarden.core.model.pod import PodFacts
from oomwarden.core.objects.json_parts import Manifest, object_at, object_name, object_namespace

MEANINGS = {
    "time": "When it happened: RFC 3339 in UTC, with microseconds",
    "level": "`debug`, `info`, `warning`, `error` or `critical`",
    "logger": "The module that wrote the line",
    "message": "A sentence for people. It may change with any version",
    "kind": "Kind of the object that the line is about: `OOMKill`, `Pod`, `OOMPolicy`...",
    "namespace": "Namespace of that object",
    "name": "Name of that object. Records of a fork loop are merged into fewer OOMKills, so there "
    "may be none with this name",
    "pod": "Name of the pod",
    "container": "Name of the container",
    "owner": "Kind and name of the pod's controller: `Deployment/api`",
    "node": "Name of the node",
    "policy": "Kind and name of the policy: `OOMPolicy/protect-db`",
    "cgroup": "Path of the container's cgroup, below the cgroup root",
    "service": "Name of the systemd unit",
    "reason": "Why, as one CamelCase word. Of a kill it is `OOMKilled`; of a failed call of the "
    "API server `Unreachable`, `Timeout`, `Throttled`, `Unavailable`, `Unauthorized`, "
    "`Forbidden`, `Conflict`, `NotFound`, `Invalid` or `Other`",
    "cause": "Whose memory ran out, as in an OOMKill: `ContainerLimit`, `PodLimit`...",
    "victim": "Command name of the first process that the kernel killed",
    "pid": "PID of a process; of a kill that of `victim`",
    "kills": "Number of kills; a group kill is one",
    "victims": "Number of killed processes that the kernel log names, 16 at most",
    "limitBytes": "The memory limit in bytes",
    "count": "How many objects the line is about",
    "retrySeconds": "Seconds until the next attempt",
    "error": "What went wrong, in the words of the API server, the kernel or Python",
    "traceback": "Where in the code it went wrong; lines are separated by `\\n`",
    "rateLimited": "`true`: further lines from the same place of the code are left out until the "
    "minute is over",
    "suppressed": "How many lines from the same place were left out in an earlier minute",
    "truncated": "Names of the keys whose values were cut so that the line fits",
    "oomkill": "The whole OOMKill, as it was recorded before anything is merged",
}
"""What each key means, in the order in which a line has them; the first four are always there."""
UNREADABLE = "Unreadable"
"""Reason of a line about something that has an unexpected form, or that the kernel refuses."""
NOT_SAVED_REASON = "NotSaved"
"""Reason of a line about a value that could not be stored on the agent's disk."""
ALWAYS = ("time", "level", "logger", "message")
_NAMED_BY_KIND = {"Pod": "pod", "OOMNode": "node", "Node": "node"}
_POLICIES = {"OOMPolicy", "ClusterOOMPolicy"}


class LogKeys(TypedDict, total=False):
    """What a line is about; None is the same as absent. `MEANINGS` explains each key."""

    kind: str | None
    namespace: str | None
    name: str | None
    pod: str | None
    container: str | None
    owner: str | None
    node: str | None
    policy: str | None
    cgroup: str | None
    service: str | None
    reason: str | None
    cause: str | None
    victim: str | None
    pid: int | None
    kills: int | None
    victims: int | None
    limitBytes: int | None
    count: int | None
    retrySeconds: float | None
    error: str | None
    oomkill: Manifest | None


def about(*known: LogKeys, **keys: Unpack[LogKeys]) -> dict[str, Any]:
    """Return the `extra` of a log call: what the line is about.

    The name of a Pod, OOMNode or policy is also in the key of that kind, so that all lines about a
    pod are found by `pod`, whatever object they are about.

    Args:
        known: Keys that are known from elsewhere.
        keys: Further keys; they win.
    """
    found = {
        key: value
        for each in (*known, keys)
        for key, value in each.items()
        if value is not None and value != ""
    }
    kind, name = found.get("kind"), found.get("name")
    if name and kind in _POLICIES:
        found.setdefault("policy", f"{kind}/{name}")
    elif name and kind in _NAMED_BY_KIND:
        found.setdefault(_NAMED_BY_KIND[str(kind)], name)
    return {"about": found}


def pod_keys(pod: PodFacts | None) -> LogKeys:
    """Return what a line says of a pod; None: it is not known yet."""
    if pod is None:
        return {"kind": "Pod"}
    return {"kind": "Pod", "namespace": pod.namespace, "name": pod.name}


def policy_keys(key: tuple[str, str, str]) -> LogKeys:
    """Return what a line says of a policy, from its kind, namespace and name."""
    kind, namespace, name = key
    return {"kind": kind, "namespace": namespace, "name": name}


def about_object(
    kind: str, manifest: object, /, *known: LogKeys, **keys: Unpack[LogKeys]
) -> dict[str, Any]:
    """Return the same for an object of any shape, as an API server may send it."""
    found: LogKeys = {
        "kind": kind,
        "namespace": object_namespace(manifest),
        "name": object_name(manifest),
    }
    if kind == "OOMKill":
        found |= {"pod": _text(object_at(manifest, "pod"), "name"), "node": _text(manifest, "node")}
    return about(found, *known, keys)


def _text(manifest: object, key: str) -> str | None:
    value = manifest.get(key) if isinstance(manifest, Mapping) else None
    return value if isinstance(value, str) else None
