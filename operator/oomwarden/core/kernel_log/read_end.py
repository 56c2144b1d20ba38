"""How much of the ring buffer has to be read again: its end is enough where nothing repeats."""

from oomwarden.core.kernel_log.records import parse_line


def is_unique(end: bytes) -> bool:
    """Return whether the end of a read cannot appear twice in the ring buffer.

    That is so if each complete line has a time stamp, because time does not stand still. Without
    them (printk.time=0), one burst of equal lines looks like the next.
    """
    lines = [parse_line(line) for line in end.split(b"\n")[1:-1]]
    return bool(lines) and all(line is not None and line.stamp is not None for line in lines)
