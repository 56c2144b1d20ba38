"""Debian's kernel for virtual machines, extracted and not installed on this machine."""

from dataclasses import dataclass
from pathlib import Path

from e2e.lab import cache, debian, initial_files
from e2e.lab.shell import run

_PACKAGE = "linux-image-cloud-amd64"


@dataclass(frozen=True)
class KernelFiles:
    """A folder with the files that boot a machine; its disk need not have any module.

    Attributes:
        folder: The folder.
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
        """The folder with its modules for /lib/modules, if it has any."""
        return self.folder / "modules"

    @property
    def release(self) -> str:
        """Its release, as `uname -r` shows it, e.g. `6.1.0-56-cloud-amd64`."""
        return (self.folder / "release").read_text(encoding="utf-8").strip()

    @property
    def series(self) -> str:
        """The release's first two numbers, e.g. `6.1`."""
        return series(self.release)


def series(release: str) -> str:
    """Return the first two numbers of a kernel's release, e.g. `6.1` of `6.1.0-56-amd64`."""
    return ".".join(release.split(".")[:2])


def build() -> KernelFiles:
    """Return the kernel of this machine's Debian release, and download it first if needed.

    Raises:
        LabError: It is not available, or cannot use a disk.
    """
    inputs: list[cache.Input] = [debian.release(), _PACKAGE, *initial_files.INPUTS]
    return KernelFiles(cache.artifact("kernel", inputs, _unpack, "Debian packages, about 15 s"))


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
    """Write the files that boot a machine into a folder.

    Args:
        folder: Where to write them.
        image: The kernel image.
        modules: The kernel's folder in /lib/modules, named after its release.

    Raises:
        LabError: The kernel cannot use a disk.
    """
    run("cp", image, folder / "vmlinuz")
    initial_files.write(modules, folder / "initrd.img")
    (folder / "release").write_text(f"{modules.name}\n", encoding="utf-8")
