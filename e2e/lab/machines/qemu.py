"""A QEMU machine with Debian's kernel: virtualised if KVM works, otherwise emulated."""

from dataclasses import dataclass
from pathlib import Path

from e2e.lab.emulation import KERNEL_ARGUMENTS, PROCESSOR
from e2e.lab.instance import Instance
from e2e.lab.kernel import KernelFiles
from e2e.lab.machines.machine import Devices

_TAP = "tap0"
_CORES = 2
_KERNEL_ARGUMENTS = f"{KERNEL_ARGUMENTS} net.ifnames=0 systemd.show_status=false"


@dataclass(frozen=True)
class Qemu:
    """Implements `Machine`.

    Attributes:
        kernel: The kernel that it boots.
        accelerator: QEMU's options that select KVM or emulation.
    """

    kernel: KernelFiles
    accelerator: tuple[str, ...]
    name: str = "qemu"

    @property
    def fingerprint(self) -> str:
        return " ".join((str(self.kernel.folder), *self.accelerator))

    def network(self) -> list[str]:
        return [
            f"tuntap add dev {_TAP} mode tap",
            f"link set {_TAP} master br0",
            f"link set {_TAP} up",
        ]

    def command(self, instance: Instance, devices: Devices) -> list[str]:
        identity = f"file={devices.identity},format=raw,if=virtio,readonly=on"
        return [
            *("env", f"TMPDIR={instance.run}", "qemu-system-x86_64"),
            *(*self.accelerator, *PROCESSOR),
            *("-smp", str(_CORES), "-m", str(devices.memory)),
            *("-display", "none", "-no-user-config", "-nodefaults"),
            *("-monitor", f"unix:{instance.run / 'monitor'},server,nowait"),
            *("-netdev", f"tap,id=lan,ifname={_TAP},script=no,downscript=no"),
            *("-device", "virtio-net-pci,netdev=lan"),
            *("-kernel", str(self.kernel.image), "-initrd", str(self.kernel.initrd)),
            *("-append", _KERNEL_ARGUMENTS, "-serial", f"file:{self.console(instance)}"),
            *_disk(devices.system),
            *_disk(devices.store),
            *("-drive", identity),
        ]

    def console(self, instance: Instance) -> Path:
        return instance.run / "console.log"


def _disk(image: Path) -> tuple[str, str]:
    # Writes go to an unlinked file in TMPDIR, so every run starts clean.
    return "-drive", f"file={image},format=raw,if=virtio,snapshot=on,cache=unsafe"
