"""Simultaneous kills, kills while the agent is stopped, and an agent that is killed itself."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cgroups
from log_tail import KernelLogTail, vmstat_kills, wait_for_log_budget
from node import Container, Hogs, KernelNode, Pod, fresh_node

PODS, PER_POD = 40, 5
SMALL = 2  # MiB
MANY = 200
_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


def check_storm(hogs: Hogs) -> dict[str, Any]:
    """200 containers exceed their limits at the same time; their cgroups stay."""
    with fresh_node(hogs, agents=("log",)) as node:
        pods = [_crowded_pod(node, group=False) for _ in range(PODS)]
        wait_for_log_budget(10)
        log, before, started = KernelLogTail(), vmstat_kills(), time.monotonic()
        pids = _start_all(node, _all(pods))
        _follow_log(hogs, log, pids)
        text = log.read()
        return {
            "seconds": time.monotonic() - started,
            "kills": vmstat_kills() - before,
            "dead": hogs.wait(*pids) == [-9] * len(pids),
            "lines": {"oom-kill": text.count(b"oom-kill:constraint="),
                      "Killed process": text.count(b"Killed process")},
            "lost": log.lost,
            "containers": sorted(c.identifier for c in _all(pods)),
            "report": node.report(),
        }  # fmt: skip


def check_storm_of_groups_that_are_removed(hogs: Hogs) -> dict[str, Any]:
    """200 group kills at the same time; each cgroup is removed as soon as it is empty."""
    with fresh_node(hogs, agents=("log",)) as node:
        pods = [_crowded_pod(node) for _ in range(PODS)]
        log = KernelLogTail()
        pids = _start_all(node, _all(pods), remove=True)
        _follow_log(hogs, log, pids)
        text = log.read()
        return {
            "removed": hogs.ask("cleared", count=0) and sum(not _exists(c) for c in _all(pods)),
            "lines": {"oom-kill": text.count(b"oom-kill:constraint="),
                      "groups": text.count(b"due to memory.oom.group set"),
                      "global": text.count(b"] Out of memory: Killed process")},
            "lost": log.lost,
            "owner": _owners(pids, pods),
            "report": node.report(),
        }  # fmt: skip


def check_pods_come_and_die_at_once(hogs: Hogs) -> dict[str, Any]:
    """40 pods whose init container is removed immediately, some before their pod is seen."""
    with fresh_node(hogs) as node:
        return _kill_all_together(node, (node.pod() for _ in range(40)))


def check_init_containers_die_at_once(hogs: Hogs) -> dict[str, Any]:
    """The same in pods that are already followed, as they usually are once their sandbox runs."""
    with fresh_node(hogs) as node:
        pods = [node.pod() for _ in range(40)]
        node.wait_until_followed()
        return _kill_all_together(node, pods)


def _kill_all_together(node: KernelNode, pods: Iterable[Pod]) -> dict[str, Any]:
    declared = []
    for pod in pods:
        first = node.declare(pod, "setup", SMALL, "Init")
        node.declare(pod, "app", SMALL)
        node.announce(pod)
        node.create(first)
        node.spawn(first.path, ["eat", 4 * SMALL], remove=(first.path,))
        declared.append(pod)
    return {
        "containers": {pod.name: pod["setup"].identifier for pod in declared},
        "removed": _all_removed([pod["setup"] for pod in declared]),
        "report": node.report(),
    }


def check_before_it_could_be_opened(hogs: Hogs) -> dict[str, Any]:
    """An init container starts and is killed while the agent is stopped."""
    with fresh_node(hogs) as node:
        pod = node.pod()
        first, app = node.declare(pod, "setup", 8, "Init"), node.declare(pod, "app", 8)
        node.announce(pod)
        node.wait_until_followed()
        node.freeze()
        node.create(first)
        victim = node.kill(first)
        cgroups.remove(first.path)
        node.create(app)
        node.spawn(app.path, ["sleep"])
        node.thaw()
        return {"victim": victim, "id": first.identifier, "report": node.report()}


def check_removed_straight_after(hogs: Hogs) -> dict[str, Any]:
    """A followed container is killed and removed before its counter is read again."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", "sidecar", limits=8)
        node.spawn(pod["sidecar"].path, ["sleep"])
        node.wait_until_followed()
        node.freeze()
        node.kill(pod["app"])
        cgroups.remove(pod["app"].path)
        node.thaw()
        return {"id": pod["app"].identifier, "report": node.report()}


def check_two_removed_straight_after(hogs: Hogs) -> dict[str, Any]:
    """Both containers of a pod are killed and removed unread: only the log distinguishes them."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", "sidecar", limits=8)
        node.wait_until_followed()
        node.freeze()
        victims = [node.kill(pod[name]) for name in ("app", "sidecar")]
        for container in pod.containers.values():
            cgroups.remove(container.path)
        node.thaw()
        return {"victims": victims, "report": node.report()}


def check_pod_removed_straight_after(hogs: Hogs) -> dict[str, Any]:
    """The whole pod is removed before it is read: only its QoS class has the count."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", limits=8)
        node.pod("app", limits=8)
        node.wait_until_followed()
        node.freeze()
        node.kill(pod["app"])
        cgroups.remove(pod.path)
        node.thaw()
        return {"pod": pod.name, "id": pod["app"].identifier, "report": node.report()}


def check_queue_overflow(hogs: Hogs) -> dict[str, Any]:
    """The inotify queue is limited to 16 events, and a storm comes while the agent is stopped."""
    usual = _QUEUE.read_text()
    _QUEUE.write_text("16")  # applies when an agent creates its queue
    try:
        with fresh_node(hogs) as node:
            pods = [_crowded_pod(node) for _ in range(8)]
            node.wait_until_followed()
            node.freeze()
            pids = _start_all(node, _all(pods[:4]))
            pids += _start_all(node, _all(pods[4:6]), remove=True)
            late = [_crowded_pod(node) for _ in range(4)]
            pids += _start_all(node, _all(late[:2]))
            pids += _start_all(node, _all(late[2:]), remove=True)
            hogs.wait(*pids)
            node.thaw()
            report = node.report()
            node.wait_until_followed()
            return {
                "pods": {"stay": [p.name for p in pods[:4] + late[:2]],
                         "gone": [p.name for p in pods[4:6] + late[2:]]},
                "owner": _owners(pids, pods[:6] + late),
                "report": report,
            }  # fmt: skip
    finally:
        _QUEUE.write_text(usual)


def check_restart_in_a_storm(hogs: Hogs) -> dict[str, Any]:
    """The agent is killed in the middle of a storm; the next one continues from its database."""
    with fresh_node(hogs) as node:
        pods = [_crowded_pod(node) for _ in range(8)]
        node.wait_until_followed()
        gate = _spawn_all(node, _all(pods))
        hogs.ask("open", gate="all")
        for agent in node.agents:
            while not agent.records():
                time.sleep(0.001)
            agent.kill()
        hogs.wait(*gate)
        for agent in node.agents:
            agent.start()
        for pod in pods:
            node.announce(pod)
        return {"containers": [c.identifier for c in _all(pods)], "report": node.report()}


def check_many_processes(hogs: Hogs) -> dict[str, Any]:
    """A group kill of 200 processes is one kill."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", limits=192)
        node.spawn(pod["app"].path, ["fork", MANY - 2, 0], ["sleep"], adj=100)
        while len(cgroups.pids(pod["app"].path)) < MANY - 1:
            time.sleep(0.05)
        log = KernelLogTail()
        node.kill(pod["app"], adj=500)
        while cgroups.pids(pod["app"].path):
            log.read()
            time.sleep(0.1)
        lines = log.read().count(b"Killed process")
        return {"lines": lines, "events": pod["app"].events(), "report": node.report()}


def _crowded_pod(node: KernelNode, *, group: bool = True) -> Pod:
    return node.pod(*(f"c{n}" for n in range(PER_POD)), limits=SMALL, group=group)


def _all(pods: list[Pod]) -> list[Container]:
    return [container for pod in pods for container in pod.containers.values()]


def _owners(pids: list[int], pods: list[Pod]) -> dict[str, list[str]]:
    """Return pod, container and identifier of each hog, by pid."""
    owners = [[pod.name, c.name, c.identifier] for pod in pods for c in pod.containers.values()]
    return dict(zip(map(str, pids), owners, strict=True))


def _spawn_all(node: KernelNode, containers: list[Container], *, remove: bool = False) -> list[int]:
    steps: tuple[list[str | int], ...] = (["wait", "all"], ["eat", 4 * SMALL])
    return [
        node.spawn(one.path, *steps, remove=(one.path,) if remove else ()) for one in containers
    ]


def _start_all(node: KernelNode, containers: list[Container], *, remove: bool = False) -> list[int]:
    pids = _spawn_all(node, containers, remove=remove)
    node.hogs.ask("open", gate="all")
    return pids


def _follow_log(hogs: Hogs, log: KernelLogTail, pids: list[int]) -> None:
    """Read the log while the processes die, because its ring buffer is small."""
    end = time.monotonic() + 90
    while None in hogs.wait(*pids, seconds=0.3) and time.monotonic() < end:
        log.read()


def _exists(container: Container) -> bool:
    return (cgroups.ROOT / container.path).is_dir()


def _all_removed(containers: list[Container]) -> bool:
    end = time.monotonic() + 60
    while any(map(_exists, containers)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(_exists, containers))
