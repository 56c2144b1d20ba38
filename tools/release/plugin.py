"""Build the archive of `kubectl oom` for this platform: `python3 -m tools.release.plugin FOLDER`.

The archive brings Python and all that the program imports, so krew can install it on a machine
without Python. PyInstaller collects them, for the platform that it runs on and no other.
"""

import gzip
import io
import os
import platform
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from tools.release.krew import PLATFORMS, archive_name
from tools.release.project import ROOT, versions

NAME = "kubectl-oom"
LOCKED = ROOT / "requirements" / "plugin.txt"
_ENTRY = Path(__file__).with_name("plugin_entry.py")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
_TRIALS = (
    (("--version",), versions(ROOT)["pyproject.toml"]),
    (("--help",), "doctor"),
    (("score", "--help"), "oom_score_adj"),
)
"""Commands that have to work in the archive, each with what it prints."""


def this_platform() -> tuple[str, str]:
    """Return the operating system and the architecture, in krew's words.

    Raises:
        SystemExit: No archive is published for it.
    """
    machine = platform.machine()
    found = (platform.system().lower(), _MACHINES.get(machine, machine))
    if found not in PLATFORMS:
        sys.exit(f"error: there is no archive for {found[0]} on {found[1]}.")
    return found


def install_dependencies(folder: Path) -> None:
    """Install the locked dependencies, and what builds, into a new folder."""
    subprocess.run(
        (*_PIP, "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile",
         "--target", folder, "-r", LOCKED),
        check=True,
    )  # fmt: skip


def build(dependencies: Path, work: Path) -> Path:
    """Build the program.

    Args:
        dependencies: The folder that `install_dependencies` has filled.
        work: A folder for what is built.

    Returns:
        The folder with the program and all that it needs.
    """
    own, bare = work / "own", work / "bare"
    env = {**os.environ, "PYTHONPATH": f"{own}{os.pathsep}{dependencies}", "PYTHONHASHSEED": "1"}
    command = (*_PIP, "--no-deps", "--no-build-isolation", "--no-compile", "--target", own, ROOT)
    subprocess.run(command, check=True, env=env)
    # An environment with nothing installed: PyInstaller bundles whatever an import could find.
    venv.create(bare, symlinks=True)
    names = sorted(each.name for each in distributions(path=[str(own), str(dependencies)]))
    program = (bare / "bin" / "python", "-m", "PyInstaller")
    subprocess.run((*program, *_options(work, names), _ENTRY), check=True, env=env)
    return work / "dist" / NAME


def _options(work: Path, names: list[str]) -> Iterator[str]:
    yield from ("--noconfirm", "--log-level", "ERROR", "--onedir", "--name", NAME)
    # Byte-code in files rather than inside the program: it starts sooner, and packs better.
    yield from ("--debug", "noarchive")
    # Half of the size is the debug information of libpython. Apple's signature covers the symbols.
    yield from ("--strip",) if sys.platform == "linux" else ()
    # Sub-commands are imported by name.
    yield from ("--collect-submodules", "oomwarden.cli")
    for unused in ("setuptools", "tkinter", "trove_classifiers"):
        yield from ("--exclude-module", unused)
    for folder in ("dist", "work", "spec"):
        yield from (f"--{folder}path", str(work / folder))
    # `kubectl oom --version` reads ours; the others have the licences of what is bundled.
    for name in names:
        yield from ("--copy-metadata", name)


def add_licences(folder: Path) -> None:
    """Add the project's licence and Python's; those of packages are in their metadata."""
    (folder / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    python = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    if python.exists():
        (folder / "LICENSE.python.txt").write_bytes(python.read_bytes())


def pack(folder: Path, archive: Path) -> None:
    """Write a folder's content as .tar.gz: sorted, with neither owners nor times of its files."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = epoch
        return member

    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False, filter=plain)
    with archive.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=epoch) as packed:
        packed.write(written.getvalue())


def try_out(archive: Path) -> None:
    """Unpack an archive and run a few commands.

    Raises:
        SystemExit: One of them fails, or prints something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        for arguments, expected in _TRIALS:
            _try_out(Path(folder) / NAME, arguments, expected)


def _try_out(program: Path, arguments: tuple[str, ...], expected: str) -> None:
    # Without the environment: nothing outside of the archive may be needed.
    done = subprocess.run((program, *arguments), check=False, capture_output=True, env={})
    if done.returncode or expected.encode() not in done.stdout:
        asked, output = " ".join((NAME, *arguments)), (done.stdout + done.stderr).decode()
        sys.exit(f"error: in the archive, `{asked}` does not work: {output}")


def make(dependencies: Path, work: Path, output: Path) -> Path:
    """Build, pack and try the archive.

    Args:
        dependencies: The folder that `install_dependencies` has filled.
        work: A folder for what is built.
        output: Where to put the archive.

    Returns:
        The archive.
    """
    archive = output / archive_name(versions(ROOT)["pyproject.toml"], *this_platform())
    folder = build(dependencies, work)
    add_licences(folder)
    pack(folder, archive)
    try_out(archive)
    return archive


def main(output: Path) -> None:
    """Make the archive from nothing but the repository."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        dependencies = Path(work) / "dependencies"
        install_dependencies(dependencies)
        print(make(dependencies, Path(work), output))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [folder]:
            main(Path(folder))
        case _:
            sys.exit("usage: python3 -m tools.release.plugin FOLDER")
