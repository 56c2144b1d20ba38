"""The programs around Kubernetes, from Debian packages newer than this machine's release.

If they were compiled, they would be a quarter of all that a lab compiles. Nothing is installed:
the programs are extracted from their packages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.lab import cache, suites, versions
from e2e.lab.errors import LabError
from e2e.lab.shell import run
from e2e.lab.suites import Package

_WAITS_FOR = "Debian packages, about 10 s"


@dataclass(frozen=True)
class Source:
    """A package, and the programs that are extracted from it.

    Attributes:
        package: Its name.
        least: The oldest suitable version.
        below: The first version that is too new.
        files: The path of each program in the package, by the program's name.
    """

    package: str
    least: tuple[int, ...]
    below: tuple[int, ...]
    files: Mapping[str, str] = field(hash=False)


_CNI = ("bridge", "host-local", "loopback")
SOURCES = (
    Source("etcd-server", (3, 5, 13), (4,), {"etcd": "usr/bin/etcd"}),
    Source(
        "containerd",
        (2, 0),  # the first whose CRI names the cgroup driver; kubelets exit without it
        (3,),
        {name: f"usr/bin/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")},
    ),
    Source("containernetworking-plugins", (1,), (2,), {n: f"usr/lib/cni/{n}" for n in _CNI}),
    Source(
        "kubectl", versions.kubernetes(-1), versions.kubernetes(2), {"kubectl": "usr/bin/kubectl"}
    ),
)


def names() -> list[str]:
    """Return the programs' names."""
    return [name for source in SOURCES for name in source.files]


def build() -> dict[str, Path]:
    """Return the paths of the programs by name, and extract them first if they are missing.

    Raises:
        LabError: Debian has no suitable version of a program, or it does not run here.
    """
    # The version is no input: what was extracted once is kept as long as it is used.
    inputs = [repr(source) for source in SOURCES]
    folder = cache.artifact("debian-programs", inputs, _unpack, _WAITS_FOR)
    return {name: folder / name for name in names()}


def _unpack(folder: Path) -> None:
    wanted = "|".join(source.package for source in SOURCES)
    candidates = suites.candidates(wanted)
    tree = folder / "tree"
    for source in SOURCES:
        package = newest_suitable(source, candidates)
        suites.unpack(package, tree)
        for name, path in source.files.items():
            run("mv", tree / path, folder / name)
        (folder / f"{source.package}.version").write_text(f"{package}\n", encoding="utf-8")
    cache.remove(tree)
    for name in ("etcd", "containerd"):
        # Fails here if this machine's libc is too old.
        run(folder / name, "--version")


def newest_suitable(source: Source, candidates: list[Package]) -> Package:
    """Return the newest version of a package within its bounds.

    Raises:
        LabError: There is none.
    """
    for package in candidates:
        version = tuple(suites.version_numbers(package.version))
        if package.name == source.package and source.least <= version < source.below:
            return package
    least, below = (".".join(map(str, bound)) for bound in (source.least, source.below))
    raise LabError(f"Debian has no {source.package} from {least} to below {below}.")
