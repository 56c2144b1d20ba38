"""The newest kernel of Debian's other suites, extracted and not installed on this machine."""

from pathlib import Path

from e2e.lab import cache, initial_files, suites
from e2e.lab.errors import LabError
from e2e.lab.kernel import KernelFiles, assemble
from e2e.lab.suites import Package

_BINARY = r"linux-binary-(7|8|9)\.\S+-cloud-amd64"
_WAITS_FOR = "Debian packages, about 20 s"


def build() -> KernelFiles:
    """Return the kernel that was the newest when it was first requested.

    Raises:
        LabError: No suite has one, or it is not available.
    """
    # The version is no input: what was extracted once is kept as long as it is used.
    inputs: list[cache.Input] = [_BINARY, *suites.SUITES, *initial_files.INPUTS]
    return KernelFiles(cache.artifact("newer-kernel", inputs, _unpack, _WAITS_FOR))


def _unpack(folder: Path) -> None:
    binary = _newest()
    release = binary.name.removeprefix("linux-binary-")
    tree = folder / "tree"
    for part in ("base", "binary", "modules"):
        suites.unpack(Package(f"linux-{part}-{release}", binary.version, binary.suite), tree)
    files = tree / "usr/lib/modules" / release
    assemble(folder, files / "vmlinuz", files)
    cache.remove(tree)


def _newest() -> Package:
    found = suites.candidates(_BINARY)
    if not found:
        raise LabError(f"None of {', '.join(suites.SUITES)} has Linux 7.0 or newer.")
    return found[0]
