"""Cgroup directories of plain files for tests below kernel/."""

from collections.abc import Sequence
from pathlib import Path

from oomwarden.core.enforcement.group_files import GroupFiles
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.oom_group import OomGroupFiles


def fill(directory: Path, *pids: int) -> Path:
    """Create a cgroup with these processes."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
    return directory


def container(root: Path, *pids: int, uid: str = "u") -> Cgroup:
    """Create a container's cgroup below a fake cgroup2 mount."""
    path = fill(root / "app", *pids)
    return Cgroup(path.stat().st_ino, "app", Level.CONTAINER, uid, "a" * 64)


def read_files(root: CgroupRoot, cgroups: Sequence[Cgroup]) -> dict[int, GroupFiles]:
    """Read memory.oom.group as the agent does, and keep no file open."""
    return OomGroupFiles(root).read(cgroups, {each.inode for each in cgroups})


def read_enabled(root: CgroupRoot, cgroups: Sequence[Cgroup]) -> dict[int, bool]:
    return {inode: each.is_group_kill for inode, each in read_files(root, cgroups).items()}
