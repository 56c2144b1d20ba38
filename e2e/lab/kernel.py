"""Debian's kernel for virtual machines, unpacked and never installed on this machine."""

from dataclasses import dataclass
from pathlib import Path

from e2e.lab import cache, debian, initial_files
from e2e.lab.shell import run

_PACKAGE = "linux-image-cloud-amd64"


@dataclass(frozen=True)
class Kernel:
    """A folder with what boots a machine; its disk need not hold any module.

    Attributes:
        folder: Which one.
    """

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"

    @property
    def modules(self) -> Path:
        """All of its modules where it came with them: what belongs into /lib/modules."""
        return self.folder / "modules"

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
    """Returns the kernel of this machine's Debian release, got from there where it is missing.

    Raises:
        LabError: It cannot be had, or reaches no disk.
    """
    inputs: list[cache.Input] = [debian.release(), _PACKAGE, *initial_files.INPUTS]
    return Kernel(cache.artifact("kernel", inputs, _unpack, "Debian packages, about 15 s"))


def _unpack(folder: Path) -> None:
    tree, archive = folder / "tree", folder / "tar"
    tree.mkdir(parents=True)
    debian.collect(archive, [_PACKAGE])
    run("tar", "--extract", "--file", archive, "--directory", tree, "./boot", "./lib/modules")
    (image,) = (tree / "boot").glob("vmlinuz-*")
    modules = tree / "lib/modules" / image.name.removeprefix("vmlinuz-")
    assemble(folder, image, modules)
    modules.parent.rename(folder / "modules")
    archive.unlink()
    cache.remove(tree)


def assemble(folder: Path, image: Path, modules: Path) -> None:
    """Writes into a folder what boots a machine.

    Args:
        folder: Where to write it.
        image: The kernel.
        modules: Its folder in /lib/modules, named after its release.

    Raises:
        LabError: The kernel reaches no disk.
    """
    run("cp", image, folder / "vmlinuz")
    initial_files.write(modules, folder / "initrd.img")
    (folder / "release").write_text(f"{modules.name}\n", encoding="utf-8")
