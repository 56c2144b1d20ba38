"""Packages from Debian suites other than this machine's: extracted, and never installed."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from e2e.lab import cache, debian
from e2e.lab.errors import LabError
from e2e.lab.shell import run, succeeds

SUITES = ("sid", "trixie-backports")
_FRESH_SECONDS = 3600.0
_LISTED = re.compile(r"^\s*(\S+) \| *(\S+) \| \S+ (\S+?)/\S+ ", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """A package of one suite.

    Attributes:
        name: Its name.
        version: Its Debian version.
        suite: The suite that has it.
    """

    name: str
    version: str
    suite: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} of {self.suite}"


def candidates(pattern: str) -> list[Package]:
    """Return the packages whose whole name matches, newest version first.

    Args:
        pattern: A regular expression.

    Raises:
        LabError: The suites' package lists are not available.
    """
    # apt refuses to run twice at the same time.
    with cache.locked("suites", "read Debian's package lists"):
        _refresh()
        apt = _apt_options()
        names = run("apt-cache", *apt, "pkgnames").split()
        wanted = sorted(name for name in names if re.fullmatch(pattern, name))
        listed = run("apt-cache", *apt, "madison", *wanted) if wanted else ""
    return newest_first(listed)


def newest_first(madison: str) -> list[Package]:
    """Parse the output of `apt-cache madison`, and return the newest version first."""
    found = {Package(*match.groups()) for match in _LISTED.finditer(madison)}
    return sorted(found, key=lambda package: (version_numbers(package.version), package.suite))[
        ::-1
    ]


def version_numbers(version: str) -> list[int]:
    """Return the numbers of the upstream version; they suffice to compare these packages."""
    return [int(number) for number in re.findall(r"\d+", version.partition("-")[0])]


def unpack(package: Package, folder: Path) -> None:
    """Extract the package's files into a folder.

    Raises:
        LabError: The package is not available.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"{package.name}={package.version}"
    # By default, apt downloads as a user that may not write to every working directory.
    sandbox = ("-o", "APT::Sandbox::User=root")
    run("apt-get", "-qq", *_apt_options(), *sandbox, "download", wanted, cwd=folder)
    (archive,) = folder.glob(f"{package.name}_*.deb")
    run("dpkg", "--extract", archive, folder)
    archive.unlink()


def _refresh() -> None:
    """Update the suites' package lists, unless that was done within the last hour."""
    folder = _folder()
    done = folder / "refreshed"
    if done.exists() and time.time() - done.stat().st_mtime < _FRESH_SECONDS:
        return
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(source_lines(_mirror()), encoding="utf-8")
    if not succeeds("apt-get", "-qq", *_apt_options(), "update"):
        raise LabError(f"The package lists of {' and '.join(SUITES)} are not available.")
    done.touch()


def _apt_options() -> list[str]:
    """Return options that make apt use the suites, and leave the machine's own lists alone."""
    folder = _folder()
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder,
        "Acquire::Languages": "none",
    }
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def _folder() -> Path:
    return cache.root() / "apt"


def source_lines(mirror: str) -> str:
    """Return the apt sources of the suites at a mirror."""
    return "".join(f"deb {mirror} {suite} main\n" for suite in SUITES)


def _mirror() -> str:
    """Return the mirror of this machine's own suite.

    Raises:
        LabError: This machine's package sources name none.
    """
    for path in debian.sources():
        text = path.read_text(encoding="utf-8")
        if match := re.search(r"^(?:URIs:|deb)\s.*?(https?://\S+)", text, re.MULTILINE):
            return match.group(1)
    raise LabError("This machine's Debian package sources name no mirror.")
