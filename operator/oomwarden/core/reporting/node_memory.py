"""The memory of a node as OOMNode reports it."""

from collections.abc import Mapping

from oomwarden.api.node.memory import MemoryInfo, Overcommit, PSIData, PSIStats
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.overcommit.settings import OvercommitSettings
from oomwarden.core.parse.meminfo import huge_page_bytes
from oomwarden.core.parse.pressure import MemoryStalls, StallAverages

MODES = {0: "Heuristic", 1: "Always", 2: "Never"}
"""vm.overcommit_memory in words."""
_KB = 1024


def memory_info(
    reserved: tuple[str | None, str | None],
    meminfo: dict[str, int],
    settings: OvercommitSettings,
    stalls: MemoryStalls | None,
) -> MemoryInfo:
    """Return the memory of a node; what is not known is absent.

    Args:
        reserved: Capacity and allocatable memory, according to the Node.
        meminfo: /proc/meminfo by name, in bytes.
        settings: The kernel's settings.
        stalls: The pressure stall information of memory.
    """
    return MemoryInfo(
        capacity=reserved[0],
        allocatable=reserved[1],
        available=_amount(meminfo, "MemAvailable"),
        total=_amount(meminfo, "MemTotal"),
        swap_total=_amount(meminfo, "SwapTotal"),
        swap_free=_amount(meminfo, "SwapFree"),
        huge_pages=format_bytes(huge_page_bytes(meminfo)) if meminfo else None,
        overcommit=_overcommit(meminfo, settings),
        psi=psi_stats(stalls),
    )


def _amount(meminfo: Mapping[str, int], name: str) -> str | None:
    return format_bytes(meminfo[name]) if name in meminfo else None


def _overcommit(meminfo: Mapping[str, int], settings: OvercommitSettings) -> Overcommit:
    mode, ratio, kbytes = settings.mode, settings.ratio, settings.kbytes
    return Overcommit(
        mode=None if mode is None else MODES.get(mode, str(mode)),
        ratio=None if kbytes else ratio,
        kbytes=format_bytes(kbytes * _KB) if kbytes else None,
        commit_limit=_amount(meminfo, "CommitLimit"),
        committed_as=_amount(meminfo, "Committed_AS"),
    )


def psi_stats(stalls: MemoryStalls | None) -> PSIStats | None:
    """Return pressure stall information as OOMNode reports it; None if there is none."""
    if stalls is None:
        return None
    return PSIStats(some=_averages(stalls.some), full=stalls.full and _averages(stalls.full))


def _averages(found: StallAverages) -> PSIData:
    return PSIData(
        avg10=f"{found.avg10:.2f}", avg60=f"{found.avg60:.2f}", avg300=f"{found.avg300:.2f}"
    )
