"""Which kind of machine a node is: User-Mode Linux where its kernel is to be had, else QEMU's."""

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
    """Returns the machine that a node is to run on; its kernel is built where it is missing.

    `OOMWARDEN_NODE` asks for one kind. Without it, what stands in the way of User-Mode Linux is
    said in one line, and QEMU is taken.

    Args:
        memory: What the node will have, in MiB.
        may_build: Whether to build the kernel for User-Mode Linux, which takes minutes.

    Raises:
        LabError: The kind that the user asks for does not exist, or cannot run here.
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
        say(f"The node runs on QEMU, as User-Mode Linux is not to be had: {obstacle}")
        return _qemu()


def _user_mode_linux(memory: int) -> UserModeLinux:
    program = uml_kernel.build()
    uml.check(program, memory)
    return UserModeLinux(program)


def _qemu() -> Qemu:
    linux = kernel.build()
    return Qemu(linux, kvm.VIRTUAL if kvm.works(linux) else ACCELERATOR)
