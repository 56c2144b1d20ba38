"""Cgroup directories of plain files for tests below kernel/."""

from pathlib import Path

from oomwarden.core.model.cgroup import Cgroup, Level


def fill(directory: Path, *pids: int) -> Path:
    """Create a cgroup with these processes."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
    return directory


def container(root: Path, *pids: int, uid: str = "u") -> Cgroup:
    """Create a container's cgroup below a fake cgroup2 mount."""
    path = fill(root / "app", *pids)
    return Cgroup(path.stat().st_ino, "app", Level.CONTAINER, uid, "a" * 64)
