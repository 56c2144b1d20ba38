"""What the kernel's own selftests assert, as oomwarden's readers and ledger see it.

After Linux tools/testing/selftests/cgroup/test_memcontrol.c.
"""

from collections.abc import Callable
from typing import Any

import cgroups
from node import Hogs, fresh_node
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.cgroup.tree import CounterTree


def check_oom_events(hogs: Hogs) -> dict[str, Any]:
    """test_memcg_oom_events, and in which cgroup memory.events.local rises."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", "other", limits=8, group=False)
        bystander = node.spawn(pod["app"].path, ["sleep"])
        victim = node.kill(pod["app"], adj=500)
        return {
            "victim": victim,
            "left": cgroups.pids(pod["app"].path) == [bystander],
            "container": pod["app"].events(),
            "other": pod["other"].events(),
            "pod": pod.events(),
            "kubepods": cgroups.events(node.kubepods),
            "local": {
                "container": cgroups.events(pod["app"].path, "memory.events.local"),
                "pod": cgroups.events(pod.path, "memory.events.local"),
            },
            "report": node.report(),
        }


def check_group_leaf(hogs: Hogs) -> dict[str, Any]:
    """test_memcg_oom_group_leaf_events: all processes in the leaf die, its sibling survives."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", "other", limits=8)
        idle = node.spawn(pod["app"].path, ["sleep"], adj=-500)
        beside = node.spawn(pod["other"].path, ["sleep"])
        hog = node.kill(pod["app"], adj=500)
        codes = hogs.wait(idle) + hogs.wait(beside, seconds=0.2)
        return {
            "hog": hog,
            "idle": idle,
            "codes": codes,
            "container": pod["app"].events(),
            "local": cgroups.events(pod["app"].path, "memory.events.local"),
            "pod": pod.events(),
            "report": node.report(),
        }


def check_group_parent(hogs: Hogs) -> dict[str, Any]:
    """test_memcg_oom_group_parent_events: memory.oom.group of a parent covers all below it."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", limits=8)
        first, second = (cgroups.make(f"{pod['app'].path}/{name}") for name in ("one", "two"))
        idle = node.spawn(second, ["sleep"])
        hog = node.spawn(first, ["eat", 16], adj=500)
        codes = hogs.wait(hog, idle)
        return {
            "pids": [hog, idle],
            "codes": codes,
            "container": pod["app"].events(),
            "one": cgroups.events(first),
            "two": cgroups.events(second),
            "report": node.report(),
        }


def check_group_score(hogs: Hogs) -> dict[str, Any]:
    """test_memcg_oom_group_score_events: -1000 is spared, and the first victim counts twice."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", limits=8)
        spared = node.spawn(pod["app"].path, ["sleep"], adj=-1000)
        idle = node.spawn(pod["app"].path, ["sleep"])
        hog = node.kill(pod["app"], adj=500)
        codes = hogs.wait(spared, seconds=0.2) + hogs.wait(idle)
        return {
            "pids": [hog, idle],
            "codes": codes,
            "container": pod["app"].events(),
            "report": node.report(),
        }


def check_removed(hogs: Hogs) -> dict[str, Any]:
    """Reading a removed cgroup through an open descriptor reports it as gone, not as an error."""
    with fresh_node(hogs, agents=()) as node:
        pod = node.pod("app", limits=8, group=False)
        root = CgroupRoot(cgroups.ROOT)
        kubepods = find_kubepods(root)
        assert kubepods
        vanished: list[str] = []
        tree = CounterTree(root, lambda _: None, lambda gone: vanished.append(gone.cgroup.path))
        top = tree.start(kubepods)
        kept = next(one for one in tree.nodes.values() if one.cgroup.path == pod["app"].path)
        node.kill(pod["app"])
        cgroups.remove(pod["app"].path)
        seen = {
            "read": _raises_gone(kept.read_events),
            "limit": _raises_gone(kept.read_limit),
            "open": _raises_gone(lambda: root.open_directory(pod["app"].path)),
        }
        readings = tree.sweep(top)
        levels = [tree.nodes[one.inode].cgroup.level for one in readings]
        return {
            **seen,
            "vanished": vanished == [pod["app"].path],
            "kills": [one.events.oom_kill for one in readings],
            "levels": levels,
            "unreadable": tree.unreadable,
        }


def _raises_gone(call: Callable[[], object]) -> bool:
    try:
        call()
    except CgroupGoneError:
        return True
    return False
