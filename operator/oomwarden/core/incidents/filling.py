"""What filled a limit, where that was not the anonymous memory of the processes that were killed.

tmpfs outlives the processes that wrote it: its pages stay charged to the pod, which outlives its
containers, so that each restart begins at the limit (Linux mm/memcontrol.c,
memcg_reparent_objcgs and offline memory cgroups: their pages stay charged to all levels above).
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from oomwarden.core.incidents.memory_history import UsageDetail
from oomwarden.core.kernel_log.events import Killed
from oomwarden.core.parse.memory_stat import Composition

_REST_OF_FILE = "file"
_STAYS = 0.25
"""Part of a limit from which on it matters what a restart does not free."""
_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Filling:
    """The part of memory.stat, its bytes, and the bytes of which it is a part.

    `stays`: it was read after the kill, charged to the pod. `beside`: the limit was not the pod's,
    so that it is not known how much of it counted for the container.
    """

    part: str
    size: int
    of: int
    stays: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True)
class PodMemory:
    """What was charged to a pod after the kill; `others`: the shmem of containers that go on.

    `own`: that of the container of the victim, where it may go on itself.
    """

    seen: UsageDetail
    others: int = 0
    own: int = 0

    @property
    def tmpfs(self) -> int:
        """Give the bytes of tmpfs and shared memory that no other container accounts for."""
        kinds = self.seen.composition
        return max(kinds.shmem - self.others, 0) if kinds else 0


def stays(left: PodMemory | None, limit: int | None, *, volumes: bool = False) -> Filling | None:
    """Tell tmpfs that is still there after the kill, if it takes a good part of the pod's limit.

    A container that goes on may hold shared memory of its processes, as databases do: only where
    the pod has memory-backed volumes is it likely to be theirs.
    """
    if left is None or not limit:
        return None
    size = left.tmpfs if volumes else max(left.tmpfs - left.own, 0)
    return Filling("shmem", size, limit, stays=True) if size >= limit * _STAYS else None


def filled(
    before: UsageDetail | None, victims: Iterable[Killed], limit: int | None
) -> Filling | None:
    """Tell the largest part of what was seen before the kill; None: processes held most of it.

    What is reclaimable was larger then than at the kill: so the victims' own memory decides first.
    """
    told = tuple(victims)
    if before is None or before.composition is None or holds_most(told, limit):
        return None
    parts = _parts(before.composition)
    part = max(parts, key=lambda name: parts[name])
    unsure = part == _REST_OF_FILE and not told  # it gives way to what the victims took
    if part == "anon" or not parts[part] or unsure:
        return None
    return Filling(part, parts[part], before.sample.usage)


def holds_most(victims: Iterable[Killed], limit: int | None) -> bool:
    """Whether the anonymous memory of the victims was half of the limit, or more."""
    held = sum(victim.anon_rss for victim in victims)
    return bool(limit and held >= limit * _MOST)


def _parts(kinds: Composition) -> dict[str, int]:
    parts = {each.name: getattr(kinds, each.name) for each in fields(kinds)}
    parts[_REST_OF_FILE] = max(parts[_REST_OF_FILE] - kinds.shmem, 0)
    return {name: size for name, size in parts.items() if name != "swap"}
