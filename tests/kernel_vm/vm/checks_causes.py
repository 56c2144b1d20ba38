"""Whose memory ran out: each cause once, judged with the kernel log and by the counters alone."""

from typing import Any

import cgroups
from log_tail import KernelLog
from oomwarden.core.kernel_log.lines import parse_records
from world import MIB, Hogs, world

GREEDY, EXEMPT = 1000, -1000


def check_container_limit(hogs: Hogs) -> dict[str, Any]:
    with world(hogs) as node:
        pod = node.pod("app", "other", limits=8, limit=64)
        hog = node.kill(pod["app"])
        return {"pod": pod.name, "victim": hog, "report": node.report()}


def check_pod_limit(hogs: Hogs) -> dict[str, Any]:
    """The pod is full; one container asks for more, and a process of the other one is killed.

    A dying process no longer counts as a victim shortly before its memory is free (Linux
    mm/mmap.c, exit_mmap). Whoever asks in between would be the next one: so this one may not be.
    """
    with world(hogs) as node:
        pod = node.pod("victim", "asker", limit=32)
        victim = node.spawn(pod["victim"].path, ["eat", 20], ["sleep"], adj=GREEDY)
        asker = node.spawn(pod["asker"].path, ["eat", 20], ["sleep"], adj=EXEMPT)
        codes = hogs.wait(victim) + hogs.wait(asker, seconds=0.5)
        return {
            "victim": victim,
            "codes": codes,
            "container": pod["victim"].events(),
            "pod": pod.events(),
            "report": node.report(),
        }


def check_container_limit_enforced_at_pod(hogs: Hogs) -> dict[str, Any]:
    """One container, and its limit is the pod's, whose sandbox takes a little of it."""
    with world(hogs) as node:
        pod = node.pod("app", limits=16, limit=16)
        node.pause(pod)
        hog = node.kill(pod["app"])
        return {
            "victim": hog,
            "container": pod["app"].events(),
            "pod": pod.events(),
            "report": node.report(),
        }


def check_limits_add_up_to_the_pods(hogs: Hogs) -> dict[str, Any]:
    """Two containers whose limits add up to the pod's: the pod's is no limit of its own."""
    with world(hogs) as node:
        pod = node.pod("app", "other", limits=16, limit=32)
        node.pause(pod)
        other = node.fill(pod["other"], 15, adj=-900)
        hog = node.spawn(pod["app"].path, ["eat", 15], ["eat", 64], adj=GREEDY)
        codes = hogs.wait(hog) + hogs.wait(other, seconds=0.2)
        return {"victim": hog, "codes": codes, "pod": pod.events(), "report": node.report()}


def check_node_allocatable(hogs: Hogs) -> dict[str, Any]:
    with world(hogs) as node:
        pod, other = node.pod("app"), node.pod("app")
        cgroups.write(node.kubepods, "memory.max", 48 * MIB)
        calm = node.fill(other["app"], 8)
        hog = node.kill(pod["app"], over=96, adj=GREEDY)
        return {
            "victim": hog,
            "pod": pod.name,
            "calm": hogs.wait(calm, seconds=0.1),
            "container": pod["app"].events(),
            "above": cgroups.events(node.kubepods, "memory.events.local"),
            "report": node.report(),
        }


def check_qos_class_is_full(hogs: Hogs) -> dict[str, Any]:
    """A limit on a QoS class: the node's allocatable memory, as the kubelet may divide it."""
    with world(hogs) as node:
        pod = node.pod("app", qos="besteffort")
        cgroups.write(node.layout.qos("besteffort"), "memory.max", 32 * MIB)
        hog = node.kill(pod["app"], over=64)
        return {"victim": hog, "report": node.report()}


def check_a_name_that_forges(hogs: Hogs) -> dict[str, Any]:
    """A cgroup below the container's is called like fields of the log, and is longer than a record.

    So the kernel prints the end of its line as a record of its own.
    """
    with world(hogs) as node:
        pod, other = node.pod("app", limits=8), node.pod("other")
        name = f"x,task_memcg=/{other['other'].path},task=q,pid=1,uid=0"
        name = f"{name}/{'deep' * 60}/{'deep' * 60}"
        inside = cgroups.make(f"{pod['app'].path}/{name}")
        log = KernelLog()
        hog = node.spawn(inside, ["eat", 16])
        codes = hogs.wait(hog)
        records = parse_records(log.look())
        return {
            "victim": hog,
            "codes": codes,
            "name": name,
            "pieces": sum(record.text.startswith(b"/kubepods") for record in records),
            "report": node.report(),
        }


def check_two_levels_in_one_read(hogs: Hogs) -> dict[str, Any]:
    """The pod's limit and a container's were both hit before anyone looked."""
    with world(hogs) as node:
        pod = node.pod("small", "large", limit=48)
        own = node.container(pod, "limited", 8)
        node.tell(pod)
        node.followed()
        node.freeze()
        first = node.kill(own)
        second = node.kill(pod["large"], over=96, adj=GREEDY)
        node.thaw()
        return {"victims": [first, second], "report": node.report()}


def check_node_out_of_memory(hogs: Hogs) -> dict[str, Any]:
    """The machine itself: `oom` rises nowhere."""
    with world(hogs) as node:
        pod, other = node.pod("app", qos="besteffort"), node.pod("app")
        calm = node.fill(other["app"], 8)
        hog = node.kill(pod["app"], take="hold", over=4096, adj=GREEDY)
        return {
            "victim": hog,
            "calm": hogs.wait(calm, seconds=0.1),
            "container": pod["app"].events(),
            "kubepods": cgroups.events(node.kubepods),
            "report": node.report(),
        }


def check_node_out_of_memory_seen_nested(hogs: Hogs) -> dict[str, Any]:
    """A nested kubelet cannot tell the machine's memory from an outer limit, but the log can."""
    with world(hogs, cgroups.Layout(prefix="kubelet")) as node:
        pod = node.pod("app")
        hog = node.kill(pod["app"], take="hold", over=4096, adj=GREEDY)
        return {"victim": hog, "report": node.report()}


def check_a_limit_above_a_nested_node(hogs: Hogs) -> dict[str, Any]:
    """The limit of the container that a nested node is."""
    with world(hogs, cgroups.Layout(prefix="kubelet")) as node:
        pod = node.pod("app")
        cgroups.write("kubelet.slice", "memory.max", 48 * MIB)
        hog = node.kill(pod["app"], over=96, adj=GREEDY)
        return {"victim": hog, "report": node.report()}
