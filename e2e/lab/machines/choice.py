"""Selects the kind of a node's machine: User-Mode Linux if its kernel is available, else QEMU."""

import os

from e2e.lab import kernel
from e2e.lab.emulation import ACCELERATOR
from e2e.lab.errors import LabError
from e2e.lab.machines import kvm, uml, uml_kernel
from e2e.lab.machines.machine import Machine
from e2e.lab.machines.qemu import Qemu
from e2e.lab.machines.uml import UserModeLinux
from e2e.lab.progress import say

VARIABLE = "OOMWARDEN_NODE"
_KINDS = ("uml", "qemu")


def choose(memory: int, *, may_build: bool = True) -> Machine:
    """Return the machine for a node, and build its kernel first if it is missing.

    `OOMWARDEN_NODE` selects one kind. Without it, QEMU is used if User-Mode Linux is not available,
    and one line says why.

    Args:
        memory: The node's memory, in MiB.
        may_build: Whether to build the kernel of User-Mode Linux, which takes minutes.

    Raises:
        LabError: The requested kind does not exist, or cannot run here.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in {"", *_KINDS}:
        raise LabError(f"{VARIABLE} is {wanted!r}: set it to one of {', '.join(_KINDS)}.")
    if wanted == "uml":
        return _user_mode_linux(memory)
    if wanted == "qemu" or not (may_build or uml_kernel.is_built()):
        return _qemu()
    try:
        return _user_mode_linux(memory)
    except LabError as obstacle:
        say(f"The node runs on QEMU, because User-Mode Linux is not available: {obstacle}")
        return _qemu()


def _user_mode_linux(memory: int) -> UserModeLinux:
    program = uml_kernel.build()
    uml.check(program, memory)
    return UserModeLinux(program)


def _qemu() -> Qemu:
    linux = kernel.build()
    return Qemu(linux, kvm.VIRTUAL if kvm.works(linux) else ACCELERATOR)
