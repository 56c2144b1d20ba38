"""Which record a person means: by the name of a pod, of a record or of a workload."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from msgspec import Struct

from oomwarden.core.history.earlier import belongs_to
from oomwarden.core.history.filters import newest_first
from oomwarden.core.history.kill_record import KillRecord

POD, RECORD = "Pod", "OOMKill"
_KINDS = {
    "pod": POD,
    "po": POD,
    "oomkill": RECORD,
    "deploy": "Deployment",
    "deployment": "Deployment",
    "sts": "StatefulSet",
    "statefulset": "StatefulSet",
    "ds": "DaemonSet",
    "daemonset": "DaemonSet",
    "rs": "ReplicaSet",
    "replicaset": "ReplicaSet",
    "job": "Job",
    "cj": "CronJob",
    "cronjob": "CronJob",
    "rollout": "Rollout",
}
MAX_CLOSE = 3


class KillTarget(Struct, frozen=True):
    """What a person named.

    Attributes:
        kind: A kind of Kubernetes; None if only a name was given.
    """

    kind: str | None
    name: str


def parse_target(text: str) -> KillTarget:
    """Parse api-7d9f, pod/api-7d9f, oomkill/api-7d9f-3f9c2a1b or deployment/api.

    Raises:
        ValueError: It is none of these.
    """
    resource, slash, name = text.rpartition("/")
    if not name or "/" in resource or (slash and not resource):
        raise ValueError(f"{text!r} is neither a name nor kind/name, such as deployment/api")
    if not slash:
        return KillTarget(None, name)
    kind = resource.partition(".")[0].lower()
    known = _KINDS.get(kind) or _KINDS.get(kind.removesuffix("s"))
    return KillTarget(known or resource.partition(".")[0], name)


def matching_records(records: Sequence[KillRecord], target: KillTarget) -> list[KillRecord]:
    """Return the records that are meant, the latest first.

    A name alone is that of a pod, else of a record, else of a workload.
    """
    ways = {
        POD: [each for each in records if each.pod == target.name],
        RECORD: [each for each in records if each.name == target.name],
    }
    of_owner = [each for each in records if _is_of(each, target)]
    if target.kind is not None:
        return newest_first(ways.get(target.kind, of_owner))
    return newest_first(ways[POD] or ways[RECORD] or of_owner)


def _is_of(record: KillRecord, target: KillTarget) -> bool:
    if record.owner is None:
        return False
    if target.kind is None:
        return record.owner[1] == target.name
    kind = record.owner[0] if target.kind.lower() == record.owner[0].lower() else target.kind
    return belongs_to(record, kind, target.name)


def close_names(records: Iterable[KillRecord], more: Iterable[str], wanted: str) -> list[str]:
    """Return names of pods and records, and others, that resemble the one that was given."""
    names = {name for each in records for name in (each.pod, each.name) if name} | set(more)
    return get_close_matches(wanted, sorted(names), MAX_CLOSE, 0.6)
