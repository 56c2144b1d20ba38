"""What the kernel says of its memory and of overcommit: /proc/meminfo and /proc/sys/vm."""

from pathlib import Path

from oomwarden.core.overcommit.settings import OvercommitSettings

_KB = 1024


def read_meminfo(proc: Path) -> bytes:
    """Return /proc/meminfo.

    Raises:
        OSError: It cannot be read; there is none on other systems than Linux.
    """
    return (proc / "meminfo").read_bytes()


def read_settings(proc: Path) -> OvercommitSettings:
    """Return the settings in /proc/sys/vm; those that cannot be read are None."""
    folder = proc / "sys/vm"
    mode, ratio, kbytes, admin, user = (
        _number(folder / name)
        for name in (
            "overcommit_memory",
            "overcommit_ratio",
            "overcommit_kbytes",
            "admin_reserve_kbytes",
            "user_reserve_kbytes",
        )
    )
    return OvercommitSettings(mode, ratio, kbytes, _bytes(admin), _bytes(user))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _bytes(kbytes: int | None) -> int | None:
    return None if kbytes is None else kbytes * _KB
