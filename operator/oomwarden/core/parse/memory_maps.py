"""The parts of /proc/PID/smaps that decisions use (proc_pid_smaps(5))."""

import re
from collections.abc import Iterable, Iterator

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(/?)")
_CHANGED = re.compile(r"(?:Anonymous|Private_Dirty|Shared_Dirty): *[1-9]")


def unchanged_files(smaps: Iterable[str]) -> Iterator[range]:
    """Yield the addresses of the mappings that hold a file's pages as the file has them.

    These are private, of a file, not writable now, and without a page that was ever changed. What
    the dynamic linker relocated is not writable either, but has pages of its own.

    Args:
        smaps: The lines of the file.
    """
    found: range | None = None
    for line in smaps:
        mapping = _MAPPING.match(line)
        if mapping:
            if found:
                yield found
            begin, end, access, slash = mapping.groups()
            is_file = bool(slash) and access[1] == "-" and access[3] == "p"
            found = range(int(begin, 16), int(end, 16)) if is_file else None
        elif _CHANGED.match(line):
            found = None
    if found:
        yield found
