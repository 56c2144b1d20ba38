"""Debian file systems and packages, from this machine's own package sources."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from e2e.lab.errors import LabError
from e2e.lab.shell import run, succeeds

# Third-party sources in the same folder are ignored.
_SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
_NO_DOCUMENTS = (
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
)


def release() -> str:
    """Return this machine's Debian release, e.g. `bookworm`."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return value.strip('"')
    raise LabError("The lab needs Debian, but /etc/os-release names no release of it.")


def sources() -> list[Path]:
    """Return the files that list this machine's Debian mirrors.

    Raises:
        LabError: There is none.
    """
    found = [path for path in _SOURCES if path.exists() and path.read_text(encoding="utf-8")]
    if not found:
        raise LabError(f"No Debian package source is configured: add one to {_SOURCES[0]}.")
    return found


def bootstrap(output: Path, packages: Sequence[str]) -> None:
    """Write a tar of a minimal Debian with the packages installed."""
    _bootstrap(output, packages, "minbase")


def collect(output: Path, packages: Sequence[str]) -> None:
    """Write a tar with only the files of the packages and of their dependencies.

    Maintainer scripts do not run, so e.g. users are missing in /etc/passwd. That takes a quarter
    of the time.
    """
    _bootstrap(output, packages, "extract")


def _bootstrap(output: Path, packages: Sequence[str], variant: str) -> None:
    settings = output.with_name(f"{output.name}.apt")
    settings.write_text(_client_settings(), encoding="utf-8")
    run(
        "mmdebstrap",
        "--quiet",
        f"--variant={variant}",
        # Otherwise the file's extension decides.
        "--format=tar",
        "--skip=output/dev",
        f"--aptopt={settings}",
        *(f"--dpkgopt={option}" for option in _NO_DOCUMENTS),
        f"--include={','.join(packages)}",
        release(),
        output,
        *sources(),
        # Equal packages make equal bytes, so nodes already have the image's layer.
        env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
    )
    settings.unlink()


def _client_settings() -> str:
    """Return this machine's apt settings for proxies and certificates."""
    lines = run("apt-config", "dump", "Acquire").splitlines()
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check")
    return "\n".join(line for line in lines if line.startswith(wanted)) + "\n"


def missing_packages(packages: Sequence[str]) -> list[str]:
    """Return those packages that are not installed."""
    query = ("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages)
    # It fails if a package is unknown, but still lists the others.
    listed = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
    installed = {line.split()[0] for line in listed if line.endswith(" installed")}
    return [name for name in packages if name not in installed]


def install(packages: Sequence[str]) -> None:
    """Install packages from this machine's own package sources.

    Raises:
        LabError: One of them is not available.
    """
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600")
    try:
        run(*apt, "update", env=env)
    except LabError as problem:
        raise LabError(f"Packages are missing ({', '.join(packages)}): {problem}") from None
    for name in packages:
        if not succeeds("apt-cache", "show", name):
            raise LabError(
                f"Package {name} is in none of this machine's package sources: add Debian's sources"
                f" to {_SOURCES[0]}, or install {name} by hand."
            )
    run(*apt, "install", "--yes", "--no-install-recommends", *packages, env=env)
