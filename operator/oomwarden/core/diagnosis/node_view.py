"""One OOMNode as it is read back, from an agent of this or another version.

Nothing in it can be relied upon: a part that is missing or of another type is unknown.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from oomwarden.core.history.kill_record import bytes_at, flag_at, number_at, text_at, time_at
from oomwarden.core.objects.json_parts import Json, object_at, objects_at

SIZES = ("capacity", "allocatable", "available", "total", "swapTotal", "swapFree", "hugePages")
PROMISES = ("kbytes", "commitLimit", "committedAS")
AVERAGES = ("avg10", "avg60", "avg300")
KILLS = ("recorded", "unattributed", "undeliverable", "beforeStart", "host")


class ConditionView(Struct, frozen=True):
    """A condition; the message of a False one is the remedy."""

    type: str
    status: str
    reason: str
    message: str


class OutrankedView(Struct, frozen=True):
    """A service of the node that is killed before containers; see api.oomnode.OutrankedService."""

    service: str
    score: int | None
    containers: int
    example: str


class NearMisses(Struct, frozen=True):
    """How often containers hit their limit and reclaim saved them.

    Attributes:
        total: Of all containers; None if this agent does not count them.
        containers: The ones with the most, as namespace/pod/container with their counts.
    """

    total: int | None
    containers: tuple[tuple[str, int], ...]


class NodeView(Struct, frozen=True):
    """The facts of an OOMNode. Those that are None, or not in a mapping, are unknown.

    Attributes:
        has_status: Whether an agent has reported at all.
        sizes: Memory in bytes, by the fields of MemoryInfo and Overcommit.
        mode: vm.overcommit_memory in words.
        ratio: vm.overcommit_ratio in percent.
        stalls: Shares of time in percent, by kind (some, full) and average (avg60).
        kills: Numbers of kills by the fields of KillCounts.
        manifest: The whole object.
    """

    name: str
    has_status: bool
    version: str | None
    started: datetime | None
    heartbeat: datetime | None
    conditions: tuple[ConditionView, ...]
    release: str | None
    cgroup_driver: str | None
    nested: bool
    sizes: Mapping[str, int]
    mode: str | None
    ratio: int | None
    stalls: Mapping[tuple[str, str], float]
    kills: Mapping[str, int]
    near_misses: NearMisses
    outranked: tuple[OutrankedView, ...] | None
    outranked_left_out: int
    manifest: Json

    def condition(self, kind: str) -> ConditionView | None:
        """Return a condition; None if the agent does not report it."""
        return next((each for each in self.conditions if each.type == kind), None)


def read_node(manifest: Json) -> NodeView:
    """Read an OOMNode."""
    status = object_at(manifest, "status")
    agent, kernel = object_at(status, "agent"), object_at(status, "kernel")
    memory = object_at(status, "memory")
    overcommit = object_at(memory, "overcommit")
    return NodeView(
        name=text_at(object_at(manifest, "metadata"), "name") or "",
        has_status=bool(agent),
        version=text_at(agent, "version"),
        started=time_at(agent, "started"),
        heartbeat=time_at(agent, "heartbeat"),
        conditions=tuple(map(_condition, objects_at(status, "conditions"))),
        release=text_at(kernel, "release"),
        cgroup_driver=text_at(kernel, "cgroupDriver"),
        nested=flag_at(kernel, "nested") or False,
        sizes=_known(memory, SIZES) | _known(overcommit, PROMISES),
        mode=text_at(overcommit, "mode"),
        ratio=number_at(overcommit, "ratio"),
        stalls=_stalls(object_at(memory, "psi")),
        kills=_counts(object_at(status, "kills")),
        near_misses=_near_misses(object_at(status, "nearMisses")),
        # The field is missing without services, too; overcommit is as old as it is.
        outranked=tuple(map(_outranked, objects_at(status, "outranked"))) if overcommit else None,
        outranked_left_out=number_at(status, "outrankedLeftOut") or 0,
        manifest=manifest,
    )


def _condition(found: Json) -> ConditionView:
    kind, status, reason, message = (
        text_at(found, key) or "" for key in ("type", "status", "reason", "message")
    )
    return ConditionView(kind, status, reason, message)


def _known(found: Json, fields: tuple[str, ...]) -> dict[str, int]:
    return {key: size for key in fields if (size := bytes_at(found, key)) is not None}


def _stalls(psi: Json) -> dict[tuple[str, str], float]:
    return {
        (kind, average): share
        for kind in ("some", "full")
        for average in AVERAGES
        if (share := _share(text_at(object_at(psi, kind), average))) is not None
    }


def _share(text: str | None) -> float | None:
    """Return a percentage such as 0.53."""
    whole, _, part = (text or "").partition(".")
    digits = whole + part
    fits = whole and len(digits) <= 6 and digits.isascii() and digits.isdigit()  # noqa: PLR2004
    return float(f"{whole}.{part or 0}") if fits else None


def _counts(kills: Json) -> dict[str, int]:
    return {key: count for key in KILLS if (count := number_at(kills, key)) is not None}


def _outranked(found: Json) -> OutrankedView:
    example = "/".join(filter(None, (text_at(found, "pod"), text_at(found, "container"))))
    return OutrankedView(
        text_at(found, "service") or "<unknown>",
        number_at(found, "oomScoreAdj"),
        number_at(found, "containers") or 0,
        example,
    )


def _near_misses(found: Json) -> NearMisses:
    each = (_missed(one) for one in objects_at(found, "containers"))
    return NearMisses(number_at(found, "total"), tuple(each))


def _missed(found: Json) -> tuple[str, int]:
    names = (text_at(found, key) for key in ("namespace", "pod", "container"))
    counts = (number_at(found, key) for key in ("count", "total", "nearMisses"))
    return "/".join(filter(None, names)), next((n for n in counts if n is not None), 0)
