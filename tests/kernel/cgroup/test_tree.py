"""The tree of counters, without a detector."""

from pathlib import Path

from oomwarden.core.ledger.account import Reading
from oomwarden.core.model.cgroup import Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.cgroup.tree import CounterTree

from tests.support.fake_cgroups import FakeCgroups

NOTHING_COUNTED = "low 0\n"


def readings_after_a_limit_is_set(root: Path, counters: str | None = None) -> list[Reading]:
    """Find a new container without a limit, and read it when the runtime sets one."""
    cgroups, found = FakeCgroups(root), find_kubepods(CgroupRoot(root))
    assert found is not None
    path = cgroups.container(cgroups.pod(1), "a")
    tree = CounterTree(CgroupRoot(root), lambda _: None, lambda _: None)
    top = tree.start(found)
    (new,) = [each for each in tree.nodes.values() if each.cgroup.level is Level.CONTAINER]
    (root / path / "memory.max").write_text("33554432\n")
    if counters is not None:
        (root / path / "memory.events").write_text(counters)
    readings = tree.read_changed_limit(new)
    tree.drop(top)  # closes its files
    return readings


def test_a_limit_that_a_new_container_gets_is_read_before_its_first_kill(tmp_path: Path) -> None:
    (reading,) = readings_after_a_limit_is_set(tmp_path)
    assert (reading.limit, reading.events.oom_kill) == (32 << 20, 0)


def test_counters_that_are_torn_are_not_reported_with_a_new_limit(tmp_path: Path) -> None:
    assert readings_after_a_limit_is_set(tmp_path, NOTHING_COUNTED) == []
