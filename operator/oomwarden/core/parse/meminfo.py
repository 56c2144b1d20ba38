"""Parse /proc/meminfo (Linux Documentation/filesystems/proc.rst; fs/proc/meminfo.c)."""

import re
from collections.abc import Mapping

_LINE = re.compile(r"([A-Za-z][\w()]{0,63}):[ \t]+([0-9]{1,20})([ \t]+kB)?[ \t]*")
_KB = 1024


def parse_meminfo(text: str | bytes) -> dict[str, int]:
    """Return the amounts by name, such as MemTotal; other lines are skipped.

    Returns:
        Bytes; the lines without a unit (HugePages_Total, _Free, _Rsvd, _Surp) are numbers of pages.
    """
    whole = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    found = (_LINE.fullmatch(line) for line in whole.splitlines())
    return {each[1]: int(each[2]) * (_KB if each[3] else 1) for each in found if each}


def huge_page_bytes(meminfo: Mapping[str, int]) -> int:
    """Return the memory that is set aside for huge pages, of all sizes where the kernel says so.

    Hugetlb counts all sizes (since Linux 4.18); HugePages_Total those of the default size alone.
    """
    default = meminfo.get("HugePages_Total", 0) * meminfo.get("Hugepagesize", 0)
    return meminfo.get("Hugetlb", default)
