"""Debian's kernel for virtual machines, unpacked and never installed on this machine."""

from dataclasses import dataclass
from pathlib import Path

from e2e.lab import cache, node_debian
from e2e.lab.errors import LabError
from e2e.lab.shell import run


@dataclass(frozen=True)
class Kernel:
    """A folder with what boots a machine; its disk need not hold any module."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"

    @property
    def release(self) -> str:
        """What it calls itself, e.g. `6.1.0-56-cloud-amd64`."""
        return (self.folder / "release").read_text(encoding="utf-8").strip()

    @property
    def series(self) -> str:
        """The release's first two numbers, e.g. `6.1`."""
        return series(self.release)


def series(release: str) -> str:
    """Returns the first two numbers of a kernel's release, e.g. `6.1` of `6.1.0-56-amd64`."""
    return ".".join(release.split(".")[:2])


def build() -> Kernel:
    """Returns the kernel of the node's Debian, taken out of that where it is missing.

    Raises:
        LabError: Debian's packages cannot be had, or put no kernel there.
    """
    archive = node_debian.build()

    def unpack(folder: Path) -> None:
        folder.mkdir(parents=True)
        run("tar", "--extract", "--file", archive, "--directory", folder, "./boot")
        images = sorted((folder / "boot").glob("vmlinuz-*"))
        if not images:
            raise LabError("Debian's linux-image-cloud-amd64 left no kernel in /boot.")
        release = images[-1].name.removeprefix("vmlinuz-")
        images[-1].rename(folder / "vmlinuz")
        (folder / "boot" / f"initrd.img-{release}").rename(folder / "initrd.img")
        (folder / "release").write_text(f"{release}\n", encoding="utf-8")
        cache.remove(folder / "boot")

    return Kernel(cache.artifact("kernel", [str(archive)], unpack, "tar, about 1 s"))
