"""Debian's kernel for virtual machines, unpacked and never installed on this machine."""

from dataclasses import dataclass
from pathlib import Path

from e2e.lab import cache, debian
from e2e.lab.shell import run

_PACKAGES = ("initramfs-tools", "linux-image-cloud-amd64")


@dataclass(frozen=True)
class Bootable:
    """A folder with what boots a machine; its disk need not hold any module."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"


@dataclass(frozen=True)
class Kernel(Bootable):
    """A kernel with all of its modules."""

    @property
    def modules(self) -> Path:
        """What belongs into the machine's /lib/modules."""
        return self.folder / "modules"

    @property
    def series(self) -> str:
        """The kernel's first two numbers, e.g. `6.1`."""
        (release,) = self.modules.iterdir()
        return series(release.name)


def series(release: str) -> str:
    """Returns the first two numbers of a kernel's release, e.g. `6.1` of `6.1.0-56-amd64`."""
    return ".".join(release.split(".")[:2])


def build() -> Kernel:
    """Returns the kernel, got from Debian's packages where it is missing."""

    def unpack(folder: Path) -> None:
        tree = folder / "tree"
        debian.unpack(tree, _PACKAGES)
        for pattern, name in (("vmlinuz-*", "vmlinuz"), ("initrd.img-*", "initrd.img")):
            (found,) = (tree / "boot").glob(pattern)
            run("cp", found, folder / name)
        (tree / "lib/modules").rename(folder / "modules")
        cache.remove(tree)

    inputs = [debian.release(), *_PACKAGES]
    return Kernel(cache.artifact("kernel", inputs, unpack, "Debian packages, about 45 s"))
