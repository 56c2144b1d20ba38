"""CommitLimit: the memory that the kernel promises at most if overcommit_memory is 2."""

DEFAULT_RATIO = 50
"""overcommit_ratio of a new machine, in percent."""
_KB = 1024


def commit_limit(  # noqa: PLR0913 - what the kernel computes with
    ram: int,
    swap: int,
    *,
    huge_pages: int = 0,
    ratio: int = DEFAULT_RATIO,
    kbytes: int = 0,
    page_size: int = 4096,
) -> int:
    """Return CommitLimit in bytes, computed in pages as the kernel does.

    Source: Linux mm/util.c, vm_commit_limit (3.14 to 7.1).

    Args:
        ram: MemTotal in bytes.
        swap: SwapTotal in bytes.
        huge_pages: Memory that is set aside for huge pages, in bytes.
        ratio: vm.overcommit_ratio in percent.
        kbytes: vm.overcommit_kbytes; it replaces the ratio unless it is 0.
        page_size: Bytes of a page.
    """
    if kbytes:
        allowed = kbytes * _KB // page_size
    else:
        allowed = max(ram // page_size - huge_pages // page_size, 0) * ratio // 100
    return (allowed + swap // page_size) * page_size
