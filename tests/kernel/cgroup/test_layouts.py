"""Cgroup trees of various kubelets and runtimes, made of plain directories."""

from pathlib import Path

import pytest
from oomwarden.core.reporting.layout import layout_remedy
from oomwarden.kernel.cgroup import kubepods, unknown_cgroups
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.cgroup.tree import CounterTree
from oomwarden.kernel.cgroup.unknown_cgroups import find_unknown_cgroups

UID = "0a1b2c3d-1111-2222-3333-444455556666"
UNDERSCORES = UID.replace("-", "_")
POD = f"kubepods-burstable-pod{UNDERSCORES}.slice"
ID = "ab" * 32


def make(root: Path, *paths: str) -> CgroupRoot:
    for path in paths:
        (root / path).mkdir(parents=True)
    return CgroupRoot(root)


def test_containers_of_a_runtime_without_the_systemd_driver_are_found(tmp_path: Path) -> None:
    unit = f"system.slice/containerd.service/{POD}:cri-containerd:{ID}"
    root = make(tmp_path, f"kubepods.slice/kubepods-burstable.slice/{POD}", unit)
    (one,) = find_unknown_cgroups(root)
    assert (one.path, one.container_id, one.is_unit_name) == (unit, ID, True)


@pytest.mark.parametrize(
    "unit",
    [
        f"{POD}:cri-containerd:{ID}",
        f"system.slice/k3s.service/{POD}:cri-containerd:{ID}",
        f"system.slice/snap.microk8s.daemon-containerd.service/{POD}:cri-containerd:{ID}",
        f"podruntime/runtime/{POD}:crio:{ID}",
        f"a.slice/a-b.slice/rke2-server.service/my-root-{POD}:docker:{ID}",
    ],
)
def test_the_cgroup_driver_mismatch_is_found_wherever_the_runtime_runs(
    tmp_path: Path, unit: str
) -> None:
    (one,) = find_unknown_cgroups(make(tmp_path, f"kubepods.slice/{POD}", unit))
    assert one.is_unit_name
    assert "SystemdCgroup" in layout_remedy({}, [one])


def test_cgroups_below_kubepods_or_a_container_are_not_reported(tmp_path: Path) -> None:
    inside = f"kubepods.slice/kubepods-burstable.slice/{POD}/cri-containerd-{ID}.scope/{'cd' * 32}"
    docker = f"system.slice/docker-{'ef' * 32}.scope"
    root = make(tmp_path, inside, f"{docker}/kubepods.slice/pod/{'cd' * 32}")
    assert [one.path for one in find_unknown_cgroups(root)] == [docker]


def test_the_search_for_unknown_cgroups_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path, *(f"user.slice/{number:064x}" for number in range(20)))
    monkeypatch.setattr(unknown_cgroups, "MAX_FOUND", 5)
    assert 5 <= len(find_unknown_cgroups(root)) <= 20
    monkeypatch.setattr(unknown_cgroups, "MAX_CGROUPS", 1)
    assert find_unknown_cgroups(root) == []


def test_the_root_of_pods_with_processes_is_preferred(tmp_path: Path) -> None:
    """The root of the old cgroup driver stays behind when the driver is changed."""
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


UNDER = "kubepods-burstable.slice"


@pytest.mark.parametrize(
    ("kubepods", "below"),
    [
        ("kubepods.slice", UNDER),
        ("kubepods", "burstable"),
        ("kubelet/kubepods", "burstable"),
        ("kubelet.slice/kubelet-kubepods.slice", f"kubelet-{UNDER}"),
        ("my_root.slice/my_root-kubepods.slice", f"my_root-{UNDER}"),
        ("MyRoot.slice/MyRoot-kubepods.slice", f"MyRoot-{UNDER}"),
        ("a.slice/a-b.slice/a-b-c.slice/a-b-c-kubepods.slice", f"a-b-c-{UNDER}"),
        ("system.slice/docker-x.scope/kubelet.slice/kubelet-kubepods.slice", f"kubelet-{UNDER}"),
        ("kubepods/kubepods", "besteffort"),
        ("kubepods.slice/kubepods-kubepods.slice", f"kubepods-{UNDER}"),
    ],
)
def test_pods_are_found_below_any_cgroup_root_of_a_kubelet(
    tmp_path: Path, kubepods: str, below: str
) -> None:
    name = f"pod{UID}" if "." not in below else below.replace(".slice", f"-pod{UNDERSCORES}.slice")
    container = f"{kubepods}/{below}/{name}/cri-containerd-{ID}.scope"
    root = make(tmp_path, container, "system.slice/sshd.service", "init.scope")
    for path in [tmp_path, *(one for one in tmp_path.rglob("*") if one.is_dir())]:
        for file in ("memory.events", "memory.events.local"):
            (path / file).write_text("oom 0\noom_kill 0\n")
        (path / "memory.max").write_text("max\n")
    found = find_kubepods(root)
    assert found is not None
    assert found.path == kubepods
    seen: list[str] = []
    tree = CounterTree(root, lambda node: seen.append(node.cgroup.path), lambda _: None)
    tree.start(found)
    assert container in seen


def test_the_search_for_the_root_of_pods_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path, *(f"user.slice/{number}/x" for number in range(20)))
    listed: list[str] = []
    listing = kubepods._list
    monkeypatch.setattr(kubepods, "MAX_LISTED", 5)

    def counted(root: CgroupRoot, path: str) -> list[tuple[str, int]]:
        listed.append(path)
        return listing(root, path)

    monkeypatch.setattr(kubepods, "_list", counted)
    assert find_kubepods(root) is None
    assert len(listed) <= 5


def test_a_mount_that_cannot_be_listed_has_no_pods(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert find_kubepods(CgroupRoot(tmp_path / "absent")) is None
    assert find_kubepods(CgroupRoot(tmp_path / "file")) is None
