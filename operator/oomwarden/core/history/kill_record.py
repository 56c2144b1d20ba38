"""One OOMKill as it is read back, from an agent of this or another version.

Nothing in it can be relied upon: a part that is missing or of another type is unknown.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from oomwarden.api.oomkill import Cause
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.objects.json_parts import Json, object_at, objects_at


class RecordedVictim(Struct, frozen=True):
    """A killed process.

    Attributes:
        command: Its comm; None if it is unknown.
        sizes: Its memory in bytes by field, such as anonRSS; a missing one is unknown.
    """

    pid: int | None
    command: str | None
    oom_score_adj: int | None
    uid: int | None
    sizes: Mapping[str, int]


class KillRecord(Struct, frozen=True):
    """The facts of an OOMKill. Those that are None are unknown.

    Attributes:
        found: When the kill was found (time.before).
        after: When the counters were last read before it (time.after).
        containers: The container's name, or all candidates.
        limit: In bytes.
        victims: The killed processes.
        manifest: The whole object.
    """

    namespace: str
    name: str
    node: str | None
    pod: str | None
    pod_uid: str | None
    owner: tuple[str, str] | None
    containers: tuple[str, ...]
    cause: str
    limit: int | None
    enforced_at: str | None
    kills: int
    group_kill: bool | None
    policy: tuple[str, str] | None
    response: str | None
    found: datetime | None
    after: datetime | None
    victims: tuple[RecordedVictim, ...]
    manifest: Json

    @property
    def container(self) -> str | None:
        """The container's name; None if it is not known which one it was."""
        return self.containers[0] if len(self.containers) == 1 else None

    @property
    def workload(self) -> str:
        """The owner as kind/name, or the pod if it has none."""
        if self.owner:
            return "/".join(self.owner)
        return f"Pod/{self.pod or '?'}"


def read_record(manifest: Json) -> KillRecord:
    """Read an OOMKill."""
    metadata, pod = object_at(manifest, "metadata"), object_at(manifest, "pod")
    container, time = object_at(manifest, "container"), object_at(manifest, "time")
    response = object_at(object_at(manifest, "status"), "response")
    name = text_at(container, "name")
    candidates = container.get("candidates")
    listed = candidates if isinstance(candidates, list) else []
    several = [each for each in listed if isinstance(each, str)]
    kills = number_at(manifest, "kills")
    return KillRecord(
        namespace=text_at(metadata, "namespace") or "",
        name=text_at(metadata, "name") or "",
        node=text_at(manifest, "node"),
        pod=text_at(pod, "name"),
        pod_uid=text_at(pod, "uid"),
        owner=_pair(object_at(pod, "owner")),
        containers=(name,) if name else tuple(several),
        cause=text_at(manifest, "cause") or Cause.UNKNOWN,
        limit=bytes_at(manifest, "limit"),
        enforced_at=text_at(manifest, "enforcedAt"),
        kills=kills if kills and kills > 0 else 1,
        group_kill=flag_at(manifest, "groupKill"),
        policy=_pair(object_at(manifest, "policy")),
        response=text_at(response, "reason"),
        found=time_at(time, "before"),
        after=time_at(time, "after"),
        victims=tuple(_victim(each) for each in objects_at(manifest, "victims")),
        manifest=manifest,
    )


def _victim(found: Json) -> RecordedVictim:
    sizes = ("anonRSS", "fileRSS", "shmemRSS", "totalVM", "pageTables")
    known = {key: size for key in sizes if (size := bytes_at(found, key)) is not None}
    return RecordedVictim(
        number_at(found, "pid"),
        text_at(found, "command"),
        number_at(found, "oomScoreAdj"),
        number_at(found, "uid"),
        known,
    )


def _pair(found: Json) -> tuple[str, str] | None:
    kind, name = text_at(found, "kind"), text_at(found, "name")
    return (kind, name) if kind and name else None


def text_at(found: Json, key: str) -> str | None:
    """Return a member that should be text; None if it is not."""
    value: Any = found.get(key)
    return value if isinstance(value, str) else None


def number_at(found: Json, key: str) -> int | None:
    """Return a member that should be an integer; None if it is not."""
    value: Any = found.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag_at(found: Json, key: str) -> bool | None:
    """Return a member that should be true or false; None if it is neither."""
    value: Any = found.get(key)
    return value if isinstance(value, bool) else None


def bytes_at(found: Json, key: str) -> int | None:
    """Return a member that should be an amount of memory, in bytes; None if it is not."""
    value: Any = found.get(key)
    try:
        return parse_bytes(str(value)) if isinstance(value, str | int) else None
    except ValueError:
        return None


def time_at(found: Json, key: str) -> datetime | None:
    """Return a member that should be a time (RFC 3339); None if it is not."""
    try:
        time = datetime.fromisoformat(str(found.get(key)))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
