"""Prometheus and promtool from this machine's Debian or Ubuntu: extracted, and never installed.

Needs no root: apt keeps its lists beside what it downloads.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from e2e.lab import cache
from e2e.lab.errors import LabError
from e2e.lab.shell import run, succeeds

PACKAGE = "prometheus"
NAMES = ("prometheus", "promtool")
_WAITS_FOR = "Debian's package lists and package (50 MB), about 10 s the first time"
_REMEDY = "put `prometheus` and `promtool` (2.42 or newer) on the PATH"
_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True)
class Programs:
    """The paths of the programs.

    Attributes:
        prometheus: The server.
        promtool: The checks of rules and metrics, and the tests of rules.
    """

    prometheus: Path
    promtool: Path


def build() -> Programs:
    """Return this machine's own programs, or download them if they are missing.

    Raises:
        LabError: They are not on the PATH, and this machine cannot get them.
    """
    own = [Path(found) for name in NAMES if (found := shutil.which(name))]
    if len(own) == len(NAMES):
        return Programs(*own)
    if not shutil.which("apt-get"):
        raise LabError(f"Prometheus is downloaded with Debian's apt: elsewhere, {_REMEDY}.")
    inputs = [PACKAGE, _RELEASE.read_text(encoding="utf-8")]
    folder = cache.artifact("prometheus", inputs, _unpack, _WAITS_FOR)
    return Programs(*(folder / name for name in NAMES))


def _unpack(folder: Path) -> None:
    apt = folder / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    # It fails if any source of the machine is broken, also one that does not matter here.
    succeeds("apt-get", *_options(apt), "update")
    try:
        run("apt-get", *_options(apt), "download", PACKAGE, cwd=apt)
    except LabError as problem:
        raise LabError(f"Prometheus is not available, {_REMEDY}: {problem}") from None
    (archive,) = apt.glob("*.deb")
    run("dpkg", "--extract", archive, apt / "tree")
    for name in NAMES:
        (apt / "tree/usr/bin" / name).rename(folder / name)
        run(folder / name, "--version")  # fails here if a library is missing
    cache.remove(apt)


def _options(folder: Path) -> list[str]:
    """Return options with which apt leaves the machine's own lists alone."""
    options = {
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        # By default, apt downloads as a user that may not write to the folder.
        "APT::Sandbox::User": "root",
    }
    return ["-qq", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
