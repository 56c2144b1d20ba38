"""Cgroup trees of other kubelets and runtimes, as directories."""

from pathlib import Path

import pytest
from oomwarden.kernel import strays as module
from oomwarden.kernel.cgroup import CgroupRoot
from oomwarden.kernel.counter_tree import find_kubepods
from oomwarden.kernel.strays import strays

POD = "kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice"
ID = "ab" * 32


def make(root: Path, *paths: str) -> CgroupRoot:
    for path in paths:
        (root / path).mkdir(parents=True)
    return CgroupRoot(root)


def test_containers_of_a_runtime_without_the_systemd_driver_are_found(tmp_path: Path) -> None:
    unit = f"system.slice/containerd.service/{POD}:cri-containerd:{ID}"
    root = make(tmp_path, f"kubepods.slice/kubepods-burstable.slice/{POD}", unit)
    (one,) = strays(root)
    assert (one.path, one.container_id, one.is_unit_name) == (unit, ID, True)


def test_what_is_below_kubepods_or_a_container_is_no_stray(tmp_path: Path) -> None:
    inside = f"kubepods.slice/kubepods-burstable.slice/{POD}/cri-containerd-{ID}.scope/{'cd' * 32}"
    docker = f"system.slice/docker-{'ef' * 32}.scope"
    root = make(tmp_path, inside, f"{docker}/kubepods.slice/pod/{'cd' * 32}")
    assert [one.path for one in strays(root)] == [docker]


def test_the_look_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path, *(f"user.slice/{number:064x}" for number in range(20)))
    monkeypatch.setattr(module, "MAX_STRAYS", 5)
    assert 5 <= len(strays(root)) <= 20
    monkeypatch.setattr(module, "MAX_CGROUPS", 1)
    assert strays(root) == []


def test_the_root_of_pods_that_holds_processes_wins(tmp_path: Path) -> None:
    """The one of the other cgroup driver stays behind when the driver is changed."""
    root = make(tmp_path, "kubepods/burstable", "kubepods.slice", "custom/kubepods")
    found = find_kubepods(root)
    assert found is not None
    assert found.path in {"kubepods", "kubepods.slice"}
    for path in ("kubepods", "kubepods.slice", "custom/kubepods"):
        for other in ("kubepods", "kubepods.slice", "custom/kubepods"):
            (tmp_path / other / "cgroup.events").write_text(f"populated {int(other == path)}\n")
        found = find_kubepods(root)
        assert found is not None
        assert found.path == path
