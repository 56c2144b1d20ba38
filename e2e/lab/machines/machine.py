"""The interface of all kinds of machines that nodes run on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from e2e.lab.instance import Instance


@dataclass(frozen=True)
class Devices:
    """The devices of a node's machine.

    Attributes:
        system: The disk with the root file system; never written to.
        store: The disk with the image store; never written to.
        identity: A plain tar with the node's own files, attached as the third disk.
        memory: Memory, in MiB.
    """

    system: Path
    store: Path
    identity: Path
    memory: int


class Machine(Protocol):
    """A kind of machine. Its kernel exists; nothing is running yet.

    A node's programs see its disks as /dev/vd[abc] or /dev/ubd[abc], and its network device as
    eth0 or vec0: `rootfs/usr/local/sbin` knows both.
    """

    @property
    def name(self) -> str:
        """The value of OOMWARDEN_NODE that selects it."""

    @property
    def fingerprint(self) -> str:
        """Identify its kernel and how that runs; a node with another value is restarted."""

    def network(self) -> list[str]:
        """Return the `ip` commands that connect it to the bridge `br0`."""

    def command(self, instance: Instance, devices: Devices) -> list[str]:
        """Return the command that runs the machine; it keeps writes out of the disks."""

    def console(self, instance: Instance) -> Path:
        """Return the file with the output of its kernel and services."""
