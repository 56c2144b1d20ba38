"""For a while, the kernel refuses inotify watches or descriptors, as if other processes used them.

fs.inotify.max_user_watches is per user, and shared with every root process of the node.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import ge
from pathlib import Path
from typing import Any

import cgroups
from agent import Agent
from node import Hogs, fresh_node
from patience import wait_for

OF_ONE = 3
"""The minimum number of descriptors that an agent needs for each cgroup that it follows."""
WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


def check_no_watches(hogs: Hogs) -> dict[str, Any]:
    """Containers appear, are killed and are removed while no agent has a watch."""
    with _no_watches_for_anyone() as restore, fresh_node(hogs) as node:
        before = [agent.descriptors() for agent in node.agents]
        pod = node.pod("lasting", "ended", "later", limits=8, group=False)
        _wait_until_found(node.agents, before, 1 + len(pod.containers))
        node.kill(pod["lasting"])
        node.report()
        node.kill(pod["ended"])
        cgroups.remove(pod["ended"].path)
        node.report()
        watches = [agent.watches() for agent in node.agents]
        restore()
        node.wait_until_followed()
        node.kill(pod["later"])
        return {"watches": watches, "report": node.report()}


def check_no_descriptors(hogs: Hogs) -> dict[str, Any]:
    """A pod appears and is killed while no agent may open its files; it is not removed."""
    with fresh_node(hogs) as node:
        usual = [_leave_reserve_alone(agent) for agent in node.agents]
        held = [agent.descriptors() for agent in node.agents]
        pod = node.pod("app", limits=8)
        time.sleep(1)
        opened = [agent.descriptors() for agent in node.agents]
        node.kill(pod["app"])
        time.sleep(3)
        wait_for(node.agents[0].records)  # by the log, before the pod can be opened
        for agent, limit in zip(node.agents, usual, strict=True):
            resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, limit)
        report = node.report()
        node.wait_until_followed()
        return {"held": held, "opened": opened, "report": report}


def _wait_until_found(agents: list[Agent], before: list[int], more: int) -> None:
    """Wait until the agents follow `more` additional cgroups, by their descriptors."""
    wanted = [known + more * OF_ONE for known in before]
    if not wait_for(lambda: all(map(ge, (agent.descriptors() for agent in agents), wanted))):
        raise TimeoutError("the agents have not found the cgroups without watches")


@contextmanager
def _no_watches_for_anyone() -> Iterator[Any]:
    usual = WATCHES.read_text()

    def restore() -> None:
        WATCHES.write_text(usual)

    WATCHES.write_text("0")
    try:
        yield restore
    finally:
        restore()


def _leave_reserve_alone(agent: Agent) -> tuple[int, int]:
    """Leave an agent only its reserve of descriptors, a quarter, and return the old limit."""
    limit = agent.descriptors() * 4 // 3
    usual = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (limit, usual[1]))
    return usual
