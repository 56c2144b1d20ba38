"""How the kernel overcommits: /proc/sys/vm/overcommit_*, and the modes in words.

Source: Linux mm/util.c, __vm_enough_memory (5.2 to 7.1).
"""

from enum import IntEnum

from msgspec import Struct


class OvercommitMode(IntEnum):
    """vm.overcommit_memory."""

    HEURISTIC = 0
    ALWAYS = 1
    NEVER = 2


class OvercommitSettings(Struct, frozen=True):
    """Settings of a machine; those that are None are not known.

    Attributes:
        mode: vm.overcommit_memory, 0..2.
        ratio: vm.overcommit_ratio in percent.
        kbytes: vm.overcommit_kbytes; 0 if the ratio counts.
        admin_reserve: Bytes that mode 2 keeps for processes with CAP_SYS_ADMIN.
        user_reserve: Bytes that mode 2 keeps from one process at most: the kernel takes a 32nd of
            the process's size if that is less.
    """

    mode: int | None = None
    ratio: int | None = None
    kbytes: int | None = None
    admin_reserve: int | None = None
    user_reserve: int | None = None
