"""Many kills at once, kills that nobody could watch, and an agent that is stopped or killed."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cgroups
from log_tail import KernelLog, room_in_log, vmstat_kills
from world import Container, Hogs, Pod, World, world

PODS, PER_POD = 40, 5
SMALL = 2  # MiB
MANY = 200
_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


def check_storm(hogs: Hogs) -> dict[str, Any]:
    """200 containers over their limits at the same moment; their cgroups stay."""
    with world(hogs, agents=("log",)) as node:
        pods = [_crowd(node, group=False) for _ in range(PODS)]
        room_in_log(10)
        log, before, began = KernelLog(), vmstat_kills(), time.monotonic()
        pids = _all_at_once(node, _all(pods))
        _watch(hogs, log, pids)
        text = log.look()
        return {
            "seconds": time.monotonic() - began,
            "kills": vmstat_kills() - before,
            "dead": hogs.wait(*pids) == [-9] * len(pids),
            "lines": {"oom-kill": text.count(b"oom-kill:constraint="),
                      "Killed process": text.count(b"Killed process")},
            "lost": log.lost,
            "containers": sorted(c.identifier for c in _all(pods)),
            "report": node.report(),
        }  # fmt: skip


def check_storm_of_groups_that_are_removed(hogs: Hogs) -> dict[str, Any]:
    """200 group kills at the same moment; each cgroup is gone as soon as it is empty."""
    with world(hogs, agents=("log",)) as node:
        pods = [_crowd(node) for _ in range(PODS)]
        log = KernelLog()
        pids = _all_at_once(node, _all(pods), remove=True)
        _watch(hogs, log, pids)
        text = log.look()
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
    """40 pods whose init container is gone at once, of some before their pod is seen."""
    with world(hogs) as node:
        return _all_die_at_once(node, (node.pod() for _ in range(40)))


def check_init_containers_die_at_once(hogs: Hogs) -> dict[str, Any]:
    """The same in pods that are followed, as they are by the time their sandbox runs."""
    with world(hogs) as node:
        pods = [node.pod() for _ in range(40)]
        node.followed()
        return _all_die_at_once(node, pods)


def _all_die_at_once(node: World, pods: Iterable[Pod]) -> dict[str, Any]:
    told = []
    for pod in pods:
        first = node.declare(pod, "setup", SMALL, "Init")
        node.declare(pod, "app", SMALL)
        node.tell(pod)
        node.create(first)
        node.spawn(first.path, ["eat", 4 * SMALL], remove=(first.path,))
        told.append(pod)
    return {
        "containers": {pod.name: pod["setup"].identifier for pod in told},
        "removed": _gone([pod["setup"] for pod in told]),
        "report": node.report(),
    }


def check_before_it_could_be_opened(hogs: Hogs) -> dict[str, Any]:
    """An init container lives and dies while the agent sees nothing."""
    with world(hogs) as node:
        pod = node.pod()
        first, app = node.declare(pod, "setup", 8, "Init"), node.declare(pod, "app", 8)
        node.tell(pod)
        node.followed()
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
    with world(hogs) as node:
        pod = node.pod("app", "sidecar", limits=8)
        node.spawn(pod["sidecar"].path, ["sleep"])
        node.followed()
        node.freeze()
        node.kill(pod["app"])
        cgroups.remove(pod["app"].path)
        node.thaw()
        return {"id": pod["app"].identifier, "report": node.report()}


def check_two_removed_straight_after(hogs: Hogs) -> dict[str, Any]:
    """Both of a pod's containers are killed and removed unread: only the log tells them apart."""
    with world(hogs) as node:
        pod = node.pod("app", "sidecar", limits=8)
        node.followed()
        node.freeze()
        victims = [node.kill(pod[name]) for name in ("app", "sidecar")]
        for container in pod.containers.values():
            cgroups.remove(container.path)
        node.thaw()
        return {"victims": victims, "report": node.report()}


def check_pod_removed_straight_after(hogs: Hogs) -> dict[str, Any]:
    """The whole pod is gone before anyone has read it: its QoS class has the count."""
    with world(hogs) as node:
        pod = node.pod("app", limits=8)
        node.pod("app", limits=8)
        node.followed()
        node.freeze()
        node.kill(pod["app"])
        cgroups.remove(pod.path)
        node.thaw()
        return {"pod": pod.name, "id": pod["app"].identifier, "report": node.report()}


def check_queue_overflow(hogs: Hogs) -> dict[str, Any]:
    """The inotify queue holds 16 events, and a storm comes while the agent does not run."""
    usual = _QUEUE.read_text()
    _QUEUE.write_text("16")  # taken over when an agent makes its queue
    try:
        with world(hogs) as node:
            pods = [_crowd(node) for _ in range(8)]
            node.followed()
            node.freeze()
            pids = _all_at_once(node, _all(pods[:4]))
            pids += _all_at_once(node, _all(pods[4:6]), remove=True)
            late = [_crowd(node) for _ in range(4)]
            pids += _all_at_once(node, _all(late[:2]))
            pids += _all_at_once(node, _all(late[2:]), remove=True)
            hogs.wait(*pids)
            node.thaw()
            report = node.report()
            node.followed()
            return {
                "pods": {"stay": [p.name for p in pods[:4] + late[:2]],
                         "gone": [p.name for p in pods[4:6] + late[2:]]},
                "owner": _owners(pids, pods[:6] + late),
                "report": report,
            }  # fmt: skip
    finally:
        _QUEUE.write_text(usual)


def check_restart_in_a_storm(hogs: Hogs) -> dict[str, Any]:
    """The agent is killed in the middle of a storm; the next one goes on with its books."""
    with world(hogs) as node:
        pods = [_crowd(node) for _ in range(8)]
        node.followed()
        gate = _gather(node, _all(pods))
        hogs.ask("open", gate="all")
        for agent in node.agents:
            while not agent.records():
                time.sleep(0.001)
            agent.kill()
        hogs.wait(*gate)
        for agent in node.agents:
            agent.start()
        for pod in pods:
            node.tell(pod)
        return {"containers": [c.identifier for c in _all(pods)], "report": node.report()}


def check_many_processes(hogs: Hogs) -> dict[str, Any]:
    """A group kill of 200 processes is one kill."""
    with world(hogs) as node:
        pod = node.pod("app", limits=192)
        node.spawn(pod["app"].path, ["fork", MANY - 2, 0], ["sleep"], adj=100)
        while len(cgroups.pids(pod["app"].path)) < MANY - 1:
            time.sleep(0.05)
        log = KernelLog()
        node.kill(pod["app"], adj=500)
        while cgroups.pids(pod["app"].path):
            log.look()
            time.sleep(0.1)
        lines = log.look().count(b"Killed process")
        return {"lines": lines, "events": pod["app"].events(), "report": node.report()}


def _crowd(node: World, *, group: bool = True) -> Pod:
    return node.pod(*(f"c{n}" for n in range(PER_POD)), limits=SMALL, group=group)


def _all(pods: list[Pod]) -> list[Container]:
    return [container for pod in pods for container in pod.containers.values()]


def _owners(pids: list[int], pods: list[Pod]) -> dict[str, list[str]]:
    """The pod, container and identifier of each hog."""
    owners = [[pod.name, c.name, c.identifier] for pod in pods for c in pod.containers.values()]
    return dict(zip(map(str, pids), owners, strict=True))


def _gather(node: World, containers: list[Container], *, remove: bool = False) -> list[int]:
    steps: tuple[list[str | int], ...] = (["wait", "all"], ["eat", 4 * SMALL])
    return [
        node.spawn(one.path, *steps, remove=(one.path,) if remove else ()) for one in containers
    ]


def _all_at_once(node: World, containers: list[Container], *, remove: bool = False) -> list[int]:
    pids = _gather(node, containers, remove=remove)
    node.hogs.ask("open", gate="all")
    return pids


def _watch(hogs: Hogs, log: KernelLog, pids: list[int]) -> None:
    """Read the log while they die: its ring is small."""
    end = time.monotonic() + 90
    while None in hogs.wait(*pids, seconds=0.3) and time.monotonic() < end:
        log.look()


def _exists(container: Container) -> bool:
    return (cgroups.ROOT / container.path).is_dir()


def _gone(containers: list[Container]) -> bool:
    end = time.monotonic() + 60
    while any(map(_exists, containers)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(_exists, containers))
