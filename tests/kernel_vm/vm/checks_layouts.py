"""The names of both cgroup drivers, a nested kubelet's root, and cgroups below a container."""

from typing import Any

import cgroups
from cgroups import CGROUPFS, SYSTEMD, Layout
from log_tail import wait_for_log_budget
from node import Hogs, KernelNode, fresh_node
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.parse.cgroup_paths import driver
from oomwarden.kernel.cgroup import oom_group
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.group_kill import is_killed_as_group
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.cgroup.members import PartialPids, list_pids, open_container
from patience import wait_for

STATIC_UID = "0123456789abcdef0123456789abcdef"


def check_systemd(hogs: Hogs) -> dict[str, Any]:
    return _every_class(hogs, SYSTEMD)


def check_cgroupfs(hogs: Hogs) -> dict[str, Any]:
    return _every_class(hogs, CGROUPFS)


def check_nested_systemd(hogs: Hogs) -> dict[str, Any]:
    return _every_class(hogs, Layout(prefix="kubelet"))


def check_nested_cgroupfs(hogs: Hogs) -> dict[str, Any]:
    return _every_class(hogs, Layout(systemd=False, prefix="kubelet"))


def check_crio(hogs: Hogs) -> dict[str, Any]:
    with fresh_node(hogs, Layout(runtime="crio-")) as node:
        cgroups.make(f"{node.pod().path}/crio-conmon-{'a' * 64}.scope")
        return _kill_in_each(node, ("burstable",))


def _every_class(hogs: Hogs, layout: Layout) -> dict[str, Any]:
    with fresh_node(hogs, layout) as node:
        return _kill_in_each(node, ("guaranteed", "burstable", "besteffort"))


def _kill_in_each(node: KernelNode, classes: tuple[str, ...]) -> dict[str, Any]:
    pods = [node.pod("app", "other", qos=qos, limits=8) for qos in classes]
    pods.append(node.pod("app", qos="burstable", limits=8, uid=STATIC_UID))
    node.wait_until_followed()
    wait_for_log_budget(len(pods))
    for pod in pods:
        node.kill(pod["app"])
    found = find_kubepods(CgroupRoot(cgroups.ROOT))
    assert found
    return {
        "kubepods": found.path == node.kubepods,
        "driver": driver(found.path),
        "pods": [[pod.name, pod["app"].identifier] for pod in pods],
        "report": node.report(),
    }


def check_sub_cgroup_of_crun(hogs: Hogs) -> dict[str, Any]:
    """crun keeps a container's processes in `container` below its scope."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", limits=8)
        inside = cgroups.make(f"{pod['app'].path}/container")
        other = node.spawn(inside, ["sleep"])
        node.wait_until_followed()
        processes = _processes_of(pod["app"].path)
        hog = node.spawn(inside, ["eat", 16], adj=500)
        codes = hogs.wait(hog, other)
        return {
            "processes": processes == [other],
            "codes": codes,
            "victims": [hog, other],
            "report": node.report(),
        }


def check_group_kill_in_the_sub_cgroup_of_crun(hogs: Hogs) -> dict[str, Any]:
    """crun sets memory.oom.group only in its sub-cgroup; `groupKill: false` must change that."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", limits=8, group=False)
        scope = pod["app"].path
        inside = cgroups.make(f"{scope}/container")
        cgroups.write(scope, "cgroup.subtree_control", "+memory")
        cgroups.write(inside, "memory.oom.group", 1)
        deep = inside + "/nested" * 20  # without controllers, as `container` has processes itself
        (cgroups.ROOT / deep).mkdir(parents=True)
        other = node.spawn(deep, ["sleep"])
        root, inode = CgroupRoot(cgroups.ROOT), (cgroups.ROOT / scope).stat().st_ino
        cgroup = Cgroup(inode, scope, Level.CONTAINER)
        files = oom_group.OomGroupFiles(root).read([cgroup], {inode})
        found = (files[inode].is_group_kill, is_killed_as_group(root, cgroup))
        held_singly = not oom_group.write(root, cgroup, enabled=False)
        node.wait_until_followed()
        hog = node.spawn(inside, ["eat", 16], adj=500)
        codes = hogs.wait(hog) + hogs.wait(other, seconds=0.2)
        return {"found": found, "held": held_singly, "deep": _processes_of(scope) == [other],
                "codes": codes}  # fmt: skip


def check_systemd_in_a_container(hogs: Hogs) -> dict[str, Any]:
    """A service of a container's own systemd has its own limit and its own oom.group."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", "other", limits=64, limit=256, group=False)
        scope = cgroups.make(f"{pod['app'].path}/init.scope")
        cgroups.write(pod["app"].path, "cgroup.subtree_control", "+memory")
        first = node.spawn(scope, ["sleep"])
        service = cgroups.make(f"{pod['app'].path}/system.slice/web.service")
        cgroups.write(service, "memory.max", 8 << 20)
        cgroups.write(service, "memory.oom.group", 1)
        worker = node.spawn(service, ["sleep"])
        node.wait_until_followed()
        hog = node.spawn(service, ["eat", 16], adj=500)
        codes = hogs.wait(hog, worker) + hogs.wait(first, seconds=0.2)
        return {
            "codes": codes,
            "victims": [hog, worker],
            "container": pod["app"].events(),
            "report": node.report(),
        }


def check_names_that_a_tenant_makes(hogs: Hogs) -> dict[str, Any]:
    """Below its own cgroup, a container may create any name, even those of pods and containers."""
    with fresh_node(hogs) as node:
        stranger = node.pod("app", limits=8)
        pod = node.pod("app", "other", limits=8, group=False)
        tail = stranger["app"].path.split("/", 1)[1]
        fake = cgroups.make(f"{pod['app'].path}/kubepods.slice/{tail}")
        node.wait_until_followed()
        node.freeze()
        own = node.spawn(fake, ["eat", 16])
        hogs.wait(own)
        other = node.kill(stranger["app"])
        node.thaw()
        return {
            "own": [pod.name, own],
            "other": [stranger.name, other],
            "report": node.report(),
        }


def _processes_of(path: str) -> list[int]:
    """Read until one read finishes in time, as scans do: the machine may stall."""
    inode = (cgroups.ROOT / path).stat().st_ino
    with open_container(
        CgroupRoot(cgroups.ROOT), Cgroup(inode, path, Level.CONTAINER)
    ) as directory:
        return wait_for(
            lambda: [] if isinstance(found := list_pids(directory), PartialPids) else found
        )
