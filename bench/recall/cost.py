"""The agent's cost during the scenarios: resident memory, and CPU time against the kubelet's."""

import time
from dataclasses import dataclass

from bench import footprint, observer

_MIB = 1024
_TICKS_PER_SECOND = 100
"""USER_HZ of proc_pid_stat(5), on every architecture that Kubernetes runs on."""
_AGENT, _KUBELET = "oomwarden-agent", "/kubelet "


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU ticks of both processes, the agent's resident KiB, and the time in monotonic seconds."""

    agent_ticks: int
    kubelet_ticks: int
    resident: int
    at: float


class Meter:
    """Sums up the scenarios in which neither process was replaced, so both ran equally long."""

    def __init__(self, shell: observer.Shell) -> None:
        self._shell = shell
        self._pids = 0, 0
        self._ours = self._theirs = 0
        self._seconds = 0.0
        self._kills = 0
        self._resident: list[int] = []

    def begin(self) -> None:
        """Take the reading before a scenario."""
        find = footprint.pid_of
        self._pids = find(self._shell, _AGENT), find(self._shell, _KUBELET)
        self._first = self._read()

    def end(self, kills: int) -> str:
        """Take the reading after a scenario; return why it is left out, or an empty string.

        Args:
            kills: How many kills the scenario had.
        """
        alive = self._shell.run("".join(f"[ -d /proc/{pid} ] && echo {pid};" for pid in self._pids))
        if len(alive) < len(self._pids):
            return "agent or kubelet restarted: its cost is left out"
        last, first = self._read(), self._first
        self._ours += last.agent_ticks - first.agent_ticks
        self._theirs += last.kubelet_ticks - first.kubelet_ticks
        self._seconds += last.at - first.at
        self._kills += kills
        self._resident.append(last.resident)
        return ""

    def _read(self) -> Reading:
        agent, kubelet = self._pids
        agent_ticks = footprint.ticks(self._shell, agent)
        kubelet_ticks = footprint.ticks(self._shell, kubelet)
        resident = footprint.resident(self._shell, agent)
        return Reading(agent_ticks, kubelet_ticks, resident, time.monotonic())

    def figures(self) -> dict[str, float]:
        """Return the figures by name; empty if nothing was measured."""
        if not self._resident or not self._theirs:
            return {}
        seconds = self._ours / _TICKS_PER_SECOND
        return {
            "agent, resident MiB (the most after a scenario)": max(self._resident) / _MIB,
            "agent's CPU, % of the kubelet's": 100 * self._ours / self._theirs,
            "agent's CPU, % of one core": 100 * seconds / self._seconds,
            "kills meanwhile": self._kills,
        }
