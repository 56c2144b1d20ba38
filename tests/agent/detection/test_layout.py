"""A node whose pods run in cgroups that the agent does not watch."""

from pathlib import Path

import pytest
from oomwarden.agent.detection.kubepods import KubepodsDetection
from oomwarden.agent.detection.layout import LayoutMonitor
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.kernel.cgroup.files import CgroupRoot

UID = "0a1b2c3d-1111-2222-3333-444455556666"
ID = "ab" * 32


def inventory() -> Inventory:
    containers = (ContainerFacts("app", ContainerType.APP, ID),)
    pod = PodFacts(UID, UID, "shop", "api", {}, QOSClass.BURSTABLE, containers=containers)
    return Inventory(synced=True, pods={UID: pod})


async def test_a_container_without_a_cgroup_is_reported_at_the_second_check(tmp_path: Path) -> None:
    layout = LayoutMonitor(inventory(), CgroupRoot(tmp_path))
    await layout.check()
    assert layout.remedy == "", "it may be starting"
    await layout.check()
    assert "shop/api/app" in layout.remedy
    assert layout.sees_nothing
    cgroup = Cgroup(7, "kubepods/p/c", Level.CONTAINER, UID, ID)
    layout.inventory.containers[7] = Container(cgroup, 0.0)
    await layout.check()
    assert (layout.remedy, layout.sees_nothing) == ("", False)


async def test_a_mismatch_of_cgroup_drivers_is_reported_immediately(tmp_path: Path) -> None:
    slice_of = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"
    (tmp_path / f"system.slice/containerd.service/{slice_of}:cri-containerd:{ID}").mkdir(
        parents=True
    )
    layout = LayoutMonitor(inventory(), CgroupRoot(tmp_path))
    await layout.check()
    assert "SystemdCgroup = true" in layout.remedy


async def test_a_mount_that_cannot_be_listed_raises_nothing(tmp_path: Path) -> None:
    layout = LayoutMonitor(inventory(), CgroupRoot(tmp_path / "absent"))
    await layout.check()
    assert layout.remedy == ""


@pytest.mark.parametrize(
    ("controllers", "remedy"),
    [
        (None, "systemd.unified_cgroup_hierarchy=1"),
        ("cpu io pids\n", "cgroup_enable=memory"),
        ("", "cgroup_disable=memory"),
    ],
)
def test_without_the_memory_controller_there_is_a_remedy(
    tmp_path: Path, controllers: str | None, remedy: str
) -> None:
    (tmp_path / "memory/kubepods/burstable").mkdir(parents=True)
    if controllers is not None:
        (tmp_path / "cgroup.controllers").write_text(controllers)
    side = KubepodsDetection(tmp_path, LayoutMonitor(inventory(), CgroupRoot(tmp_path)))
    assert side._find_once() is None
    assert remedy in side.unavailable_reason


def test_without_cgroups_for_pods_the_remedy_names_what_the_kubelet_lacks(tmp_path: Path) -> None:
    (tmp_path / f"system.slice/cri-containerd-{ID}.scope").mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    side = KubepodsDetection(tmp_path, LayoutMonitor(inventory(), CgroupRoot(tmp_path)))
    assert side._find_once() is None
    assert "cgroupsPerQOS" in side.unavailable_reason
