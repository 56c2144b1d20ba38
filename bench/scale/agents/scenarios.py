"""What happens to the fleet, and what it costs: each scenario returns its figures."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.scale.agents import api_restart, server, sums
from bench.scale.agents.cluster import cluster_policy, create_cluster, create_tokens, names
from bench.scale.agents.players import Players, players
from bench.scale.agents.sums import Span
from bench.scale.agents.table import flat
from bench.scale.api import Api
from bench.scale.control_plane import ControlPlane, control_plane

Figures = dict[str, Any]
SETTLED = ("quiet", "restart of the API server")
"""Before these, a start must be over."""
IDLE_SECONDS = 20.0
SYNC_SECONDS = 1500.0
SETTLE_SECONDS = 45.0
STORM_NODES, STORM_KILLS, STORM_SECONDS = 50, 120, 10.0
ONE_NODE_KILLS = 200
WATCHES = 7
_NAMESPACE = "apps-0"


class Fleet:
    """All agents and the control plane that they use.

    Args:
        plane: The control plane.
        api: Changes what agents see.
        players: The agents.
        nodes: How many agents there are.
        stack: Ends the processes that scenarios start.
    """

    def __init__(
        self,
        plane: ControlPlane,
        api: Api,
        players: Players,
        nodes: int,
        stack: contextlib.ExitStack,
    ) -> None:
        self._plane, self._api, self._players, self._nodes = plane, api, players, nodes
        self._stack = stack
        self._idle = 0.0

    def _state(self) -> Figures:
        return {**self._players.ask(), **server.state(self._plane)}

    def _measured(self, act: Callable[[], float | None], *, minutely: bool = False) -> Figures:
        """Return the figures of what `act` does, which may return when it was over."""
        self._players.ask(do="begin")
        before, began = self._state(), time.monotonic()
        ended = act() or time.monotonic()
        after, whole = self._state(), time.monotonic() - began
        found = sums.figures(Span(self._nodes, whole, before, after, self._idle), minutely=minutely)
        spread = sums.spread_of(after["by_second"])
        return {**found, "seconds": ended - began, "spread_seconds": spread,
                "waiting": after["waiting"], "held": after["held"]}  # fmt: skip

    def idle(self) -> Figures:
        """Measure the API server without agents."""
        before = server.state(self._plane)
        time.sleep(IDLE_SECONDS)
        after = server.state(self._plane)
        self._idle = (after["server_cpu"] - before["server_cpu"]) / IDLE_SECONDS
        return {"cpu_share": self._idle, **{key: after[key] for key in
                ("server_mebibytes", "etcd_mebibytes", "goroutines")}}  # fmt: skip

    def start(self, rollout: float = 0.0, *, is_new: bool) -> Figures:
        """Start all agents.

        Args:
            rollout: Seconds over which they start; 0 for the same moment.
            is_new: Whether their nodes have never had one.
        """

        def act() -> None:
            self._players.ask(do="start", rollout=rollout, is_new=is_new)
            self._wait_for_sync()

        return {**self._measured(act), **self._sizes()}

    def _wait_for_sync(self) -> None:
        self._players.wait_until(lambda found: found["synced"] == self._nodes, SYNC_SECONDS)

    def _sizes(self) -> Figures:
        found = server.state(self._plane)
        return {key: found[key] for key in ("goroutines", "etcd_mebibytes")}

    def settle(self) -> None:
        """Wait until a start is over."""
        time.sleep(SETTLE_SECONDS)

    def quiet(self, minutes: float) -> Figures:
        """Let nothing happen."""
        return {**self._measured(lambda: time.sleep(minutes * 60), minutely=True), **self._sizes()}

    def policy_change(self) -> Figures:
        """Create a ClusterOOMPolicy that every node reports."""
        since = time.monotonic()

        def act() -> float:
            self._api.send(cluster_policy("change", 200))
            found = self._players.wait_until(
                lambda found: found["written"] == self._nodes, SYNC_SECONDS, since=since
            )
            return float(found["last_written"])

        return self._measured(act)

    def storm(self, nodes: int, kills: int, seconds: float) -> Figures:
        """Have processes killed; figures are per node with kills."""

        def act() -> None:
            self._players.ask(do="storm", nodes=names(range(nodes)), kills=kills,
                              seconds=seconds, namespace=_NAMESPACE)  # fmt: skip
            time.sleep(1.0)
            self._players.wait_until(
                lambda found: not found["storms"] and not found["waiting"], SYNC_SECONDS
            )

        everything, self._nodes = self._nodes, nodes
        try:
            return {**self._measured(act), "kills": kills}
        finally:
            self._nodes = everything

    def restart_agents(self) -> Figures:
        """Stop all agents, and start all at the same moment."""
        self._players.ask(do="stop")
        time.sleep(5)
        return self.start(is_new=False)

    def restart_api_server(self) -> Figures:
        """Restart the API server; all watches end at the same moment."""
        ended = time.monotonic()
        command = api_restart.end(self._plane)
        down = time.monotonic()
        self._players.ask(do="begin")
        before, began = self._players.ask(), time.monotonic()
        api_restart.start(self._plane, command, self._stack)
        ready = time.monotonic()
        self._until_watched(ready + SYNC_SECONDS)
        seconds, after = time.monotonic() - ready, self._state()
        zero = dict.fromkeys(server.state(self._plane), 0.0)
        found = sums.figures(Span(self._nodes, time.monotonic() - began, zero | before, after))
        return {**found, "seconds": seconds, "spread_seconds": sums.spread_of(after["by_second"]),
                "ending_seconds": down - ended, "starting_seconds": ready - began}  # fmt: skip

    def _until_watched(self, deadline: float) -> None:
        while server.state(self._plane)["watches"] < WATCHES * self._nodes:
            if time.monotonic() > deadline:
                raise TimeoutError("not all watches are back")
            time.sleep(0.5)


class Options(NamedTuple):
    """What is measured.

    Attributes:
        pods: Number of pods of each node.
        policies: Number of OOMPolicies.
        minutes: How long nothing happens.
        only: The scenarios; empty for all.
        rollout: Seconds over which agents start for the first time; 0 for the same moment.
    """

    pods: int = 10
    policies: int = 20
    minutes: float = 5.0
    only: tuple[str, ...] = ()
    rollout: float = 0.0


def measure(nodes: int, options: Options, save: Callable[[Figures], None]) -> Figures:
    """Return the figures of a fleet.

    Args:
        nodes: Number of nodes.
        options: What is measured.
        save: Called with the figures after each scenario.
    """
    with (
        control_plane() as plane,
        contextlib.closing(Api(plane)) as api,
        contextlib.ExitStack() as stack,
    ):
        _say(f"{nodes} nodes with {options.pods} pods each are created")
        create_cluster(api, nodes, options.pods, options.policies)
        tokens = create_tokens(api, nodes, plane.folder / "node-tokens")
        found: Figures = {"nodes": nodes, "pods": options.pods, "policies": options.policies,
                          "scenarios": {}}  # fmt: skip
        with players(plane, tokens) as started:
            fleet = Fleet(plane, api, started, nodes, stack)
            found["idle"] = fleet.idle()
            for name, step in _steps(fleet, nodes, options).items():
                if name in SETTLED:
                    fleet.settle()
                _say(name)
                found["scenarios"][name] = step() | {"load": os.getloadavg()[1]}
                save(found)
    return found


def _steps(fleet: Fleet, nodes: int, options: Options) -> dict[str, Callable[[], Figures]]:
    many = min(STORM_NODES, nodes)
    steps: dict[str, Callable[[], Figures]] = {
        "first start": lambda: fleet.start(options.rollout, is_new=True),
        "quiet": lambda: fleet.quiet(options.minutes),
        "policy change": fleet.policy_change,
        "storm on one node": lambda: fleet.storm(1, ONE_NODE_KILLS, 1.0),
        "restart of the API server": fleet.restart_api_server,
        "restart of all agents": fleet.restart_agents,
        "storm on many nodes": lambda: fleet.storm(many, STORM_KILLS, STORM_SECONDS),
    }
    chosen = {name: step for name, step in steps.items() if name in options.only}
    return {"first start": steps["first start"]} | chosen if options.only else steps


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def agents(nodes: int) -> dict[str, float]:
    """Return all figures of a fleet, for the table of `bench.scale`."""
    return flat(measure(nodes, Options(), lambda _: None))
