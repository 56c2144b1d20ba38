"""Build artifacts outside the checkout: named after their inputs, and complete or absent."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeAlias

from e2e.lab.progress import step
from e2e.lab.shell import check_not_terminating

# Text counts as itself; a path counts as the names and contents of its files.
Input: TypeAlias = str | Path

_STAMP_LENGTH = 12
_PARTIAL = ".partial-"
_POLL_SECONDS = 0.2
_WEEK = 7 * 86400.0  # seconds; other checkouts may use other versions


def root() -> Path:
    """Return the lab's cache folder: `$OOMWARDEN_CACHE/lab`, or below the user's ~/.cache."""
    base = os.environ.get("OOMWARDEN_CACHE")
    return (Path(base) if base else Path.home() / ".cache" / "oomwarden") / "lab"


def stamp(*inputs: Input) -> str:
    """Return a short hash of the inputs.

    Args:
        inputs: Text counts as itself; a path counts as the names and contents of its files.

    Returns:
        Twelve hexadecimal digits that change when an input does.
    """
    digest = hashlib.sha256()
    for one in inputs:
        for part in _parts(one):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:_STAMP_LENGTH]


def _parts(one: Input) -> Iterator[bytes]:
    if isinstance(one, str):
        yield one.encode()
    elif one.is_file():
        yield one.read_bytes()
    else:
        for path in sorted(one.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(one)).encode()
                yield path.read_bytes()


@contextmanager
def locked(name: str, what: str) -> Iterator[None]:
    """Hold a lock that all runs on this machine share.

    The kernel releases it when its holder exits, for whatever reason.

    Args:
        name: The lock's name, which becomes a file below `root()`.
        what: What is done under it; shown while this run waits for another one.
    """
    path = root() / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        if not _lock(file):
            with step(what, "another run on this machine that is doing the same"):
                while not _lock(file):
                    check_not_terminating(what)
                    time.sleep(_POLL_SECONDS)
        yield


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def artifact_path(name: str, inputs: Iterable[Input]) -> Path:
    """Return the path of the artifact with these inputs, whether or not it is built yet."""
    return root() / f"{name}-{stamp(name, *inputs)}"


def artifact(
    name: str,
    inputs: Iterable[Input],
    build: Callable[[Path], None],
    waits_for: str,
    kept_unused: float = _WEEK,
) -> Path:
    """Return the path of an artifact, a file or folder, and build it first if it is missing.

    It is built under another name and renamed when it is complete, so an interruption leaves
    nothing that looks complete.

    Args:
        name: What it is; unique among artifacts.
        inputs: Everything that its content depends on.
        build: Creates it at the path that it gets.
        waits_for: What takes the time; shown while it is built.
        kept_unused: Seconds after their last use for which versions with other inputs are kept.

    Returns:
        The path of the complete artifact.
    """
    path = artifact_path(name, inputs)
    if not path.exists():
        with locked(name, f"build {name}"):
            if not path.exists():
                _build_and_rename(name, path, build, waits_for)
                _remove_unused(name, kept_unused)
    os.utime(path)
    return path


def _build_and_rename(name: str, path: Path, build: Callable[[Path], None], waits_for: str) -> None:
    for left_over in path.parent.glob(f"{path.name}{_PARTIAL}*"):
        remove(left_over)
    # With the process id: programs of an interrupted run may still write to their own file.
    partial = path.with_name(f"{path.name}{_PARTIAL}{os.getpid()}")
    with step(f"build {name}", waits_for):
        build(partial)
    partial.rename(path)


def _remove_unused(name: str, kept_unused: float) -> None:
    for sibling in root().glob(f"{name}-{'?' * _STAMP_LENGTH}"):
        if time.time() - sibling.stat().st_mtime > kept_unused:
            remove(sibling)


def remove(path: Path) -> None:
    """Remove a file or folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
