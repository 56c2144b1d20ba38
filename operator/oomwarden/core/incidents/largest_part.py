"""What filled a limit, other than the anonymous memory of the processes that were killed.

tmpfs outlives the processes that wrote it. Its pages stay charged to the pod, which outlives its
containers, so that each restart begins close to the limit (Linux mm/memcontrol.c,
memcg_reparent_objcgs and offline memory cgroups: their pages stay charged to all levels above).
"""

from collections.abc import Iterable

from msgspec import Struct

from oomwarden.core.incidents.memory_history import UsageDetail
from oomwarden.core.kernel_log.events import Killed
from oomwarden.core.parse.memory_stat import Composition

_REST_OF_FILE = "file"
_RETAINED = 0.25
"""From this fraction of a limit on, it is reported what a restart does not free."""
_MOST_OF_LIMIT = 0.5


class LargestPart(Struct, frozen=True):
    """The part of charged memory that filled a limit.

    Attributes:
        part: Its name in `Composition`.
        size: Its size in bytes.
        total: The bytes that it is a part of.
        is_retained: Whether it is tmpfs that is still charged to the pod after the kill.
        is_unattributed: Whether a container's limit was hit, so that it is unknown how much of the
            pod's tmpfs is charged to this container.
    """

    part: str
    size: int
    total: int
    is_retained: bool = False
    is_unattributed: bool = False


class PodMemory(Struct, frozen=True):
    """What is charged to a pod after the kill.

    Attributes:
        others_shmem: Bytes of shmem of the pod's other running containers.
        own_shmem: Bytes of shmem of the victim's container, if it keeps running.
    """

    detail: UsageDetail
    others_shmem: int = 0
    own_shmem: int = 0

    @property
    def tmpfs(self) -> int:
        """Bytes of tmpfs and shared memory that no other container accounts for."""
        kinds = self.detail.composition
        return max(kinds.shmem - self.others_shmem, 0) if kinds else 0


def retained_tmpfs(
    pod_memory: PodMemory | None, limit: int | None, *, volumes: bool = False
) -> LargestPart | None:
    """Return the tmpfs that is still there after the kill if it is a large part of the limit.

    Processes of a container that keeps running may have shared memory, as databases do. So the
    container's own shmem only counts as tmpfs if the pod has memory-backed volumes.

    Args:
        pod_memory: What is charged to the pod after the kill.
        limit: The limit in bytes.
        volumes: Whether the pod has memory-backed volumes.
    """
    if pod_memory is None or not limit:
        return None
    size = pod_memory.tmpfs if volumes else max(pod_memory.tmpfs - pod_memory.own_shmem, 0)
    if size < limit * _RETAINED:
        return None
    return LargestPart("shmem", size, limit, is_retained=True)


def largest_part_before(
    before: UsageDetail | None, victims: Iterable[Killed], limit: int | None
) -> LargestPart | None:
    """Return the largest part of the memory before the kill; None if it was anonymous memory.

    There was more reclaimable memory then than at the kill, so the victims' own memory decides
    first.

    Args:
        before: What the container's memory consisted of before the kill.
        victims: The processes that were killed.
        limit: The limit in bytes.
    """
    killed = tuple(victims)
    if before is None or before.composition is None or victims_held_most(killed, limit):
        return None
    parts = _parts(before.composition)
    part = max(parts, key=lambda name: parts[name])
    uncertain = part == _REST_OF_FILE and not killed  # the kernel drops page cache first
    if part == "anon" or not parts[part] or uncertain:
        return None
    return LargestPart(part, parts[part], before.sample.usage)


def victims_held_most(victims: Iterable[Killed], limit: int | None) -> bool:
    """Return whether the anonymous memory of the victims was half of the limit, or more."""
    held = sum(victim.anon_rss for victim in victims)
    return bool(limit and held >= limit * _MOST_OF_LIMIT)


def _parts(kinds: Composition) -> dict[str, int]:
    parts = {name: getattr(kinds, name) for name in kinds.__struct_fields__}
    parts[_REST_OF_FILE] = max(parts[_REST_OF_FILE] - kinds.shmem, 0)
    return {name: size for name, size in parts.items() if name != "swap"}
