"""Traps of the kernel's interface that no other check shows, and how oomwarden handles them."""

import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import cgroups
from cgroups import ROOT
from log_tail import KernelLogTail
from node import Container, Hogs, fresh_node
from oomwarden.core.kernel_log.lines import parse_events, parse_records
from oomwarden.kernel import inotify, syslog
from oomwarden.kernel.host import Host
from oomwarden.kernel.inotify import Inotify
from patience import wait_for

COMMS = (b"a\nb", b"x) total-vm:1kB", b"\xff\xfe\xfd", b"(a b) [c]", b"Killed process")
COMPLAINT = b"no killable processes"
FORGED = (
    "<3>Memory cgroup out of memory: Killed process 1 (forged) total-vm:1kB, anon-rss:1kB, "
    "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0\n"
)


def check_not_counted(hogs: Hogs) -> dict[str, Any]:
    """Silent kills: a process that shares the victim's memory, and cgroup.kill."""
    with fresh_node(hogs) as node:
        pod = node.pod("shared", "killed", limits=8, group=False)
        log = KernelLogTail()
        node.spawn(pod["shared"].path, ["share"], ["wait", "go"], ["eat", 16])
        while len(both := cgroups.pids(pod["shared"].path)) < 2:
            time.sleep(0.01)
        hogs.ask("open", gate="go")
        codes = hogs.wait(*both)
        other = node.spawn(pod["killed"].path, ["sleep"])
        cgroups.write(pod["killed"].path, "cgroup.kill", 1)
        codes += hogs.wait(other)
        return {
            "both": both,
            "codes": codes,
            "lines": log.read().count(b"Killed process"),
            "shared": pod["shared"].events(),
            "killed": pod["killed"].events(),
            "report": node.report(),
        }


def check_coalescing(hogs: Hogs) -> dict[str, Any]:
    """Few increments of a group kill are notified, but all are counted."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", limits=96)
        watcher, ended, notified = Inotify(), Event(), []
        watcher.open()
        watcher.add(ROOT / pod["app"].path / "memory.events", inotify.IN_MODIFY)

        def listen() -> None:
            while not ended.is_set():
                notified.extend(watcher.wait(1))

        thread = Thread(target=listen)
        thread.start()
        node.spawn(pod["app"].path, ["fork", 59, 0], ["sleep"])
        while len(cgroups.pids(pod["app"].path)) < 60:
            time.sleep(0.05)
        node.kill(pod["app"], adj=500)
        time.sleep(0.5)
        ended.set()
        watcher.wake()
        thread.join()
        assert watcher._fd is not None
        os.close(watcher._fd)  # otherwise the next agent inherits it
        return {
            "notified": len(notified),
            "kills": pod["app"].events()["oom_kill"],
            "report": node.report(),
        }


def check_watches_do_not_leak(hogs: Hogs) -> dict[str, Any]:
    """300 containers are created and removed, and no watch of the agent outlives its container."""
    with fresh_node(hogs, agents=("log",)) as node:
        (agent,) = node.agents
        pod = node.pod()
        node.wait_until_followed()
        before, descriptors, most = agent.watches(), agent.descriptors(), 0
        for _ in range(12):
            batch = [node.container(pod, f"c{n}", 8) for n in range(25)]
            node.wait_until_followed()
            most = max(most, agent.watches())
            for container in batch:
                cgroups.remove(container.path)
        node.wait_until_followed()
        return {
            "before": before,
            "most": most,
            "after": agent.watches(),
            "descriptors": [descriptors, agent.descriptors()],
        }


def check_watch_on_a_removed_cgroup(_hogs: Hogs) -> dict[str, Any]:
    """A cgroup with a watched file is removed, with the file open and closed."""
    return {
        "release": Host(Path("/proc")).release(),
        "closed": _watches_left(opened=False),
        "open": _watches_left(opened=True),
    }


def _watches_left(*, opened: bool) -> list[int]:
    """Return the number of watches after their cgroup is removed, and after they are removed."""
    file = ROOT / cgroups.make("apart") / "memory.max"
    with ExitStack() as held:
        if opened:
            held.enter_context(file.open())
        watcher = Inotify()
        watcher.open()
        watch = watcher.add(file, inotify.IN_MODIFY)
        cgroups.remove("apart")
        left = _own_watches(watcher)
        watcher.remove(watch)
        after = _own_watches(watcher)
        assert watcher._fd is not None
        os.close(watcher._fd)
    return [left, after]


def _own_watches(watcher: Inotify) -> int:
    return Path(f"/proc/self/fdinfo/{watcher._fd}").read_text().count("inotify wd:")


def check_log_is_not_forged(_hogs: Hogs) -> dict[str, Any]:
    """User space can write any text to the log, but never with facility 0."""
    before = syslog.read_all().count(b"(forged)")
    Path("/dev/kmsg").write_text(FORGED)
    text = syslog.read_all()
    killed = [event for event in parse_events(parse_records(text)) if hasattr(event, "comm")]
    return {
        "written": text.count(b"(forged)") - before,
        "believed": sum(event.comm == b"forged" for event in killed),
    }


def check_hostile_names(hogs: Hogs) -> dict[str, Any]:
    """A process's comm may contain any bytes; each victim is recorded once, with its own pid."""
    with fresh_node(hogs) as node:
        pod = node.pod(*(f"c{n}" for n in range(len(COMMS))), limits=8)
        pids = [
            node.kill(container, comm=comm)
            for container, comm in zip(pod.containers.values(), COMMS, strict=True)
        ]
        return {"pids": pids, "report": node.report()}


def check_local_events_mount(hogs: Hogs) -> dict[str, Any]:
    """With memory_localevents, no kill is counted at the levels above."""
    with fresh_node(hogs, agents=()) as node:
        pod = node.pod("app", limits=8, group=False)
        usual = Host(Path("/proc")).local_events_only()
        _remount("memory_localevents")
        try:
            node.kill(pod["app"])
            seen = Host(Path("/proc")).local_events_only()
            counted = [pod["app"].events()["oom_kill"], pod.events()["oom_kill"]]
        finally:
            _remount("defaults")
        after = Host(Path("/proc")).local_events_only()
        return {"said": [usual, seen, after], "counted": counted}


def _remount(options: str) -> None:
    command = ("mount", "-o", f"remount,{options}", "-t", "cgroup2", "cgroup", str(ROOT))
    subprocess.run(command, check=True)


def check_nobody_to_kill(hogs: Hogs) -> dict[str, Any]:
    """All processes of a container have -1000: `oom` rises, and no process is killed."""
    with fresh_node(hogs) as node:
        pod = node.pod("app", limits=8)
        log = KernelLogTail()
        hog = node.spawn(pod["app"].path, ["score", -1000], ["eat", 16])
        wait_for(lambda: _complains(pod["app"], log))
        time.sleep(1)
        (alive,) = hogs.wait(hog, seconds=0)
        events = pod["app"].events()
        Path(f"/proc/{hog}/oom_score_adj").write_text("0")
        (code,) = hogs.wait(hog)
        return {
            "alive": alive is None,
            "events": events,
            "complaints": log.read().count(COMPLAINT),
            "code": code,
            "report": node.report(),
        }


def _complains(container: Container, log: KernelLogTail) -> bool:
    """Return whether the kernel has found no killable process more than once."""
    return container.events()["oom"] > 1 and log.read().count(COMPLAINT) > 1
