"""What a machine has promised, what it may promise at most, and what would fail."""

from collections.abc import Mapping

from msgspec import Struct

from oomwarden.core.overcommit.commit_limit import DEFAULT_RATIO, commit_limit
from oomwarden.core.overcommit.settings import OvercommitSettings
from oomwarden.core.parse.meminfo import huge_page_bytes

_MAX_RATIO = 1000
_USER_PART = 32
"""Mode 2 keeps at most this part of a process's own size from it (mm->total_vm / 32)."""


class MachineMemory(Struct, frozen=True):
    """Memory of a machine in bytes.

    Attributes:
        huge_pages: Set aside for huge pages of all sizes.
        kernel_limit: CommitLimit as the kernel says; None if it is not known.
        committed: Committed_AS; None if it is not known.
    """

    ram: int
    swap: int
    huge_pages: int = 0
    kernel_limit: int | None = None
    committed: int | None = None

    @property
    def total(self) -> int:
        """RAM and swap: what the OOM killer chooses in, and a single allocation in mode 0."""
        return self.ram + self.swap


def machine_memory(meminfo: Mapping[str, int]) -> MachineMemory | None:
    """Return the memory that /proc/meminfo shows; None if it is another file."""
    if "MemTotal" not in meminfo:
        return None
    return MachineMemory(
        meminfo["MemTotal"],
        meminfo.get("SwapTotal", 0),
        huge_page_bytes(meminfo),
        meminfo.get("CommitLimit"),
        meminfo.get("Committed_AS"),
    )


class Commitment(Struct, frozen=True):
    """A machine and its settings.

    Attributes:
        page_size: Bytes of a page.
    """

    memory: MachineMemory
    settings: OvercommitSettings
    page_size: int = 4096

    @property
    def ratio(self) -> int:
        """vm.overcommit_ratio: the given one, else what the kernel's CommitLimit shows."""
        if self.settings.ratio is not None:
            return self.settings.ratio
        shown = self.shown_ratio
        return DEFAULT_RATIO if shown is None else shown

    @property
    def shown_ratio(self) -> int | None:
        """The ratio that leads to the kernel's CommitLimit; None if none does."""
        ram, limit = self.memory.ram - self.memory.huge_pages, self.memory.kernel_limit
        if limit is None or ram <= 0:
            return None
        about = (limit - self.memory.swap) * 100 // ram
        near = range(max(about, 0), min(about + 2, _MAX_RATIO))
        return next((each for each in near if self._limit(each, 0) == limit), None)

    @property
    def limit(self) -> int:
        """CommitLimit in bytes, computed from RAM, swap and settings."""
        return self._limit(self.ratio, self.settings.kbytes or 0)

    def _limit(self, ratio: int, kbytes: int) -> int:
        memory = self.memory
        return commit_limit(
            memory.ram,
            memory.swap,
            huge_pages=memory.huge_pages,
            ratio=ratio,
            kbytes=kbytes,
            page_size=self.page_size,
        )

    @property
    def head_room(self) -> int | None:
        """What may still be promised; negative if more is promised than CommitLimit."""
        committed = self.memory.committed
        return None if committed is None else self.limit - committed

    def allowed(self, process: int) -> int | None:
        """Return what a process without CAP_SYS_ADMIN may still allocate in mode 2.

        Args:
            process: Its size (VmSize) in bytes.
        """
        if self.head_room is None:
            return None
        own = min(process // _USER_PART, self.settings.user_reserve or 0)
        return max(self.head_room - (self.settings.admin_reserve or 0) - own, 0)


def is_exceeded(commitment: Commitment) -> bool:
    """Return whether more is promised than mode 2 would allow."""
    return commitment.head_room is not None and commitment.head_room < 0
