"""The one interface of all kinds of machines that can be a node."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from e2e.lab.instance import Instance


@dataclass(frozen=True)
class Devices:
    """What a node's machine consists of.

    Attributes:
        system: The disk with the root file system; never written to.
        store: The disk with the image store; never written to.
        identity: A plain tar, attached as the third disk, that makes it this node.
        memory: In MiB.
    """

    system: Path
    store: Path
    identity: Path
    memory: int


class Machine(Protocol):
    """A kind of machine. Its kernel is there; nothing of it runs yet.

    A node's programs see its disks as /dev/vd[abc] or /dev/ubd[abc], and its network device as
    eth0 or vec0: `rootfs/usr/local/sbin` knows both.
    """

    @property
    def name(self) -> str:
        """The value of OOMWARDEN_NODE that asks for it."""

    @property
    def made_of(self) -> str:
        """Identifies its kernel and how that runs; another value means another machine."""

    def network(self) -> list[str]:
        """Returns the `ip` commands that connect it to the bridge `br0`."""

    def command(self, instance: Instance, devices: Devices) -> list[str]:
        """Returns the program that is the machine, with writes to the disks kept apart."""

    def console(self, instance: Instance) -> Path:
        """Returns the file with what its kernel and services say."""
