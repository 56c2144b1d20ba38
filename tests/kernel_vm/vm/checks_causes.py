"""Each cause of a kill once, recorded with the kernel log and with the counters alone."""

from typing import Any

import cgroups
from log_tail import KernelLogTail
from node import MIB, Hogs, fresh_node
from oomwarden.core.kernel_log.lines import parse_records

GREEDY, EXEMPT = 1000, -1000


def check_container_limit(hogs: Hogs) -> dict[str, Any]:
    with fresh_node(hogs) as node:
        pod = node.pod("app", "other", limits=8, limit=64)
        hog = node.kill(pod["app"])
        return {"pod": pod.name, "victim": hog, "report": node.report()}


def check_pod_limit(hogs: Hogs) -> dict[str, Any]:
    """The pod is full; one container requests more, and a process of the other one is killed.

    A dying process stops counting as a victim shortly before its memory is free (Linux mm/mmap.c,
    exit_mmap). A request in between would make the requester the next victim, so it is exempt.
    """
    with fresh_node(hogs) as node:
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
    """One container whose limit is also the pod's; the sandbox uses a little of it."""
    with fresh_node(hogs) as node:
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
    """Two containers whose limits add up to the pod's: the pod has no limit of its own."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", "other", limits=16, limit=32)
        node.pause(pod)
        other = node.fill(pod["other"], 15, adj=-900)
        hog = node.spawn(pod["app"].path, ["eat", 15], ["eat", 64], adj=GREEDY)
        codes = hogs.wait(hog) + hogs.wait(other, seconds=0.2)
        return {"victim": hog, "codes": codes, "pod": pod.events(), "report": node.report()}


def check_node_allocatable(hogs: Hogs) -> dict[str, Any]:
    with fresh_node(hogs) as node:
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
    with fresh_node(hogs) as node:
        pod = node.pod("app", qos="besteffort")
        cgroups.write(node.layout.qos("besteffort"), "memory.max", 32 * MIB)
        hog = node.kill(pod["app"], over=64)
        return {"victim": hog, "report": node.report()}


def check_a_name_that_forges(hogs: Hogs) -> dict[str, Any]:
    """A cgroup below the container's has a name that imitates log fields and exceeds a log record.

    So the kernel prints the end of its line as a separate record.
    """
    with fresh_node(hogs) as node:
        pod, other = node.pod("app", limits=8), node.pod("other")
        name = f"x,task_memcg=/{other['other'].path},task=q,pid=1,uid=0"
        name = f"{name}/{'deep' * 60}/{'deep' * 60}"
        inside = cgroups.make(f"{pod['app'].path}/{name}")
        log = KernelLogTail()
        hog = node.spawn(inside, ["eat", 16])
        codes = hogs.wait(hog)
        records = parse_records(log.read())
        return {
            "victim": hog,
            "codes": codes,
            "name": name,
            "pieces": sum(record.text.startswith(b"/kubepods") for record in records),
            "report": node.report(),
        }


def check_two_levels_in_one_read(hogs: Hogs) -> dict[str, Any]:
    """The pod's limit and a container's limit are both hit before the agents read the counters."""
    with fresh_node(hogs) as node:
        pod = node.pod("small", "large", limit=48)
        own = node.container(pod, "limited", 8)
        node.announce(pod)
        node.wait_until_followed()
        node.freeze()
        first = node.kill(own)
        second = node.kill(pod["large"], over=96, adj=GREEDY)
        node.thaw()
        return {"victims": [first, second], "report": node.report()}


def check_node_out_of_memory(hogs: Hogs) -> dict[str, Any]:
    """The machine is out of memory: `oom` rises in no cgroup."""
    with fresh_node(hogs) as node:
        pod, other = node.pod("app", qos="besteffort"), node.pod("app")
        calm = node.fill(other["app"], 8)
        hog = node.kill(pod["app"], step="hold", over=4096, adj=GREEDY)
        return {
            "victim": hog,
            "calm": hogs.wait(calm, seconds=0.1),
            "container": pod["app"].events(),
            "kubepods": cgroups.events(node.kubepods),
            "report": node.report(),
        }


def check_node_out_of_memory_seen_nested(hogs: Hogs) -> dict[str, Any]:
    """Only the log distinguishes the machine's memory from a limit above a nested kubelet."""
    with fresh_node(hogs, cgroups.Layout(prefix="kubelet")) as node:
        pod = node.pod("app")
        hog = node.kill(pod["app"], step="hold", over=4096, adj=GREEDY)
        return {"victim": hog, "report": node.report()}


def check_a_limit_above_a_nested_node(hogs: Hogs) -> dict[str, Any]:
    """The limit of the container in which a nested node runs."""
    with fresh_node(hogs, cgroups.Layout(prefix="kubelet")) as node:
        pod = node.pod("app")
        cgroups.write("kubelet.slice", "memory.max", 48 * MIB)
        hog = node.kill(pod["app"], over=96, adj=GREEDY)
        return {"victim": hog, "report": node.report()}
