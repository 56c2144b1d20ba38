"""The memory of a node in OOMNode: RAM, swap, what is promised, and time lost waiting for it."""

from typing import Annotated

from pydantic import Field

from oomwarden.api.models.base import Model, Quantity

TimeShare = Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{2}$")]
"""As the kernel prints it: 0.53 is about half a percent."""


class Overcommit(Model):
    """How much memory the kernel promises: vm.overcommit_memory and what it counts."""

    mode: str | None = Field(
        None,
        description=(
            "vm.overcommit_memory in words: Heuristic (0), Always (1) or Never (2). Only Never "
            "enforces commitLimit."
        ),
    )
    ratio: int | None = Field(
        None,
        description=(
            "vm.overcommit_ratio, in percent. Absent if vm.overcommit_kbytes replaces it."
        ),
    )
    kbytes: Quantity | None = Field(
        None, description="vm.overcommit_kbytes, in bytes (8Gi). Absent if ratio counts."
    )
    commit_limit: Quantity | None = Field(
        None, description="CommitLimit of /proc/meminfo, in bytes (9Gi)."
    )
    committed_as: Quantity | None = Field(
        None,
        alias="committedAS",
        description="Committed_AS of /proc/meminfo: what was promised, in bytes (5Gi).",
    )


class PSIData(Model):
    """Shares of time in which tasks waited for memory, in percent (0.53)."""

    avg10: TimeShare = Field(description="Share of the last 10 seconds.")
    avg60: TimeShare = Field(description="Share of the last minute.")
    avg300: TimeShare = Field(description="Share of the last 5 minutes.")


class PSIStats(Model):
    """The kernel's pressure stall information, in the words of the kubelet's Summary API."""

    some: PSIData | None = Field(None, description="At least one task waited for memory.")
    full: PSIData | None = Field(
        None, description="All tasks that had work to do waited for memory at once."
    )


class MemoryInfo(Model):
    """The node's memory. Figures that change all the time are as old as the heartbeat at most."""

    capacity: Quantity | None = Field(None, description="RAM of the node, in bytes (16Gi).")
    allocatable: Quantity | None = Field(
        None, description="RAM that all pods may use together, in bytes (14Gi)."
    )
    available: Quantity | None = Field(
        None, description="MemAvailable of /proc/meminfo, in bytes (3Gi)."
    )
    total: Quantity | None = Field(
        None, description="MemTotal of /proc/meminfo: RAM that the kernel manages, in bytes (16Gi)."
    )
    swap_total: Quantity | None = Field(
        None, description="SwapTotal of /proc/meminfo, in bytes (2Gi)."
    )
    swap_free: Quantity | None = Field(
        None, description="SwapFree of /proc/meminfo, in bytes (1Gi)."
    )
    huge_pages: Quantity | None = Field(
        None,
        description=(
            "RAM reserved for huge pages of all sizes, in bytes (1Gi). It is not part of "
            "commitLimit."
        ),
    )
    overcommit: Overcommit | None = Field(
        None, description="How much memory the kernel promises to processes."
    )
    psi: PSIStats | None = Field(
        None,
        description=(
            "Time lost waiting for memory. Absent if the kernel does not measure it (CONFIG_PSI, "
            "psi=1 on its command line)."
        ),
    )
