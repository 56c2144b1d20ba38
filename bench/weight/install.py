"""The agent's environment and code, installed and compiled as the Dockerfile does.

Environments are outside of the checkout and named after the interpreter and the pins, so they are
built once. Byte-code is in the cache too: nothing is written beside the interpreter's files.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
_LOCK = Path("requirements", "runtime.txt")
_NOT_OF_AGENTS = ("cli", "controller", "__pycache__")
_TESTS = "/(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|site-packages)/"
_UNUSED = ("*.py[xi]", "*.pxd", "*.[ch]", "tests", "test", "__pycache__")
_BUILD_SECONDS = 600


@dataclass(frozen=True)
class Runtime:
    """An environment with the agent's dependencies.

    Attributes:
        python: Its interpreter.
        version: The interpreter's version, such as 3.11.7.
        byte_code: The directory of all byte-code (sys.pycache_prefix).
    """

    python: Path
    version: str
    byte_code: Path


@dataclass(frozen=True)
class Installed:
    """An agent that can be started: its name in the tables, its environment and its code."""

    name: str
    runtime: Runtime
    code: Path


def runtime(python: str, lock: Path) -> Runtime:
    """Return the environment for an interpreter and a lock file; build it if it is missing.

    Raises:
        RuntimeError: There is no such interpreter, or pip failed.
    """
    described = _run(python, "-c", "import sys; print(sys.version); print(sys.prefix)")
    name = hashlib.sha256(described.encode() + lock.read_bytes()).hexdigest()[:12]
    directory = cache(f"agent-{name}")
    with directory.with_suffix(".lock").open("w") as held:
        flock(held, LOCK_EX)
        if not (directory / "complete").exists():
            print(f"installing the agent's dependencies for {python}, once", file=sys.stderr)
            _build(python, directory, lock)
    version = described.split()[0]
    return Runtime(directory / "bin" / "python", version, directory / "byte-code")


def cache(name: str) -> Path:
    """Return a directory outside of the checkout, as tools/venv.sh uses it."""
    every = Path(os.environ.get("OOMWARDEN_CACHE") or Path.home() / ".cache" / "oomwarden")
    (every / name).mkdir(parents=True, exist_ok=True)
    return every / name


def _build(python: str, directory: Path, lock: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    _run(python, "-m", "venv", str(directory))
    inside = str(directory / "bin" / "python")
    pip = (inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--no-compile", "--require-hashes", "--only-binary", ":all:", "-r", str(lock))
    packages = Path(_run(inside, "-c", _PATH_OF.format("purelib")))
    for pattern in _UNUSED:
        for path in packages.rglob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    compiled = Runtime(Path(inside), "", directory / "byte-code")
    compile_code(compiled, Path(_run(inside, "-c", _PATH_OF.format("stdlib"))))
    compile_code(compiled, packages, every=True)
    (directory / "complete").touch()


_PATH_OF = "import sysconfig; print(sysconfig.get_path({!r}))"


def compile_code(with_: Runtime, code: Path, *, every: bool = False) -> None:
    """Compile a directory's modules as the Dockerfile does: level 2, never compared with sources.

    Args:
        with_: The environment.
        code: The directory.
        every: Whether to compile tests too, if there are any.
    """
    left_out = () if every else ("-x", _TESTS)
    command = (str(with_.python), "-m", "compileall", "-q", "-j", "0", "-o", "2", *left_out)
    mode = ("--invalidation-mode", "unchecked-hash", str(code))
    prefix = {"PYTHONPYCACHEPREFIX": str(with_.byte_code)}
    # Some files of the standard library are wrong on purpose: it returns 1.
    subprocess.run((*command, *mode), env=os.environ | prefix, check=False, capture_output=True)


@contextmanager
def installed(name: str, python: str, tree: Path) -> Iterator[Installed]:
    """Install the agent of a checkout, for the time of the block.

    Args:
        name: What the tables call it.
        python: The interpreter.
        tree: The checkout, with `operator` and `requirements/runtime.txt`.

    Raises:
        RuntimeError: It cannot be installed.
    """
    lock = tree / _LOCK
    if not lock.exists():
        raise RuntimeError(f"{tree} is no checkout of oomwarden: it has no {_LOCK}")
    found = runtime(python, lock)
    with TemporaryDirectory(prefix="oomwarden-weight-") as directory:
        code = Path(directory, "code")
        ignore = shutil.ignore_patterns(*_NOT_OF_AGENTS)
        shutil.copytree(tree / "operator" / "oomwarden", code / "oomwarden", ignore=ignore)
        compile_code(found, code, every=True)
        try:
            yield Installed(name, found, code)
        finally:
            compiled = found.byte_code / code.relative_to("/").parent
            shutil.rmtree(compiled, ignore_errors=True)


@contextmanager
def tree_at(revision: str) -> Iterator[Path]:
    """Return the checkout's files at a revision, in a directory for the time of the block.

    Raises:
        RuntimeError: There is no such revision.
    """
    with TemporaryDirectory(prefix="oomwarden-weight-") as directory:
        archive = Path(directory, "tree.tar")
        wanted = ("operator", str(_LOCK))
        _run("git", "-C", str(ROOT), "archive", f"--output={archive}", revision, *wanted)
        with tarfile.open(archive) as files:
            files.extractall(directory, filter="data")
        archive.unlink()
        yield Path(directory)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_BUILD_SECONDS
        )
    except FileNotFoundError as error:
        raise RuntimeError(f"there is no {command[0]}: install it, or name another one") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines()[-3:]
        raise RuntimeError(f"{' '.join(command[:4])} failed: {' '.join(lines)}") from error
    return done.stdout.strip()
