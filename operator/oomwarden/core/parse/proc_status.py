"""Parse /proc/PID/status (Linux Documentation/filesystems/proc.rst, table 1-2)."""

_KB = 1024
_DIGITS = 20


def parse_vm_sizes(text: bytes) -> dict[str, int]:
    """Return the sizes in bytes by name, such as VmRSS, VmSwap and VmPTE.

    Returns:
        Nothing for a kernel thread or a zombie, which have no memory of their own.
    """
    sizes: dict[str, int] = {}
    for line in text.splitlines():
        key, _, value = line.partition(b":")
        number, _, unit = value.strip().partition(b" ")
        if unit.strip() == b"kB" and number.isdigit() and len(number) <= _DIGITS:
            sizes[key.decode("ascii", "replace")] = int(number) * _KB
    return sizes
