"""Kills on the synthetic node, and how long each takes to arrive at the API server."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from bench.weight.agent import Agent
from bench.weight.api.store import Json
from bench.weight.synthetic.manifests import manifest
from bench.weight.synthetic.node import Place
from bench.weight.synthetic.pods import Container, Pod

T = TypeVar("T")
Figures = dict[str, float]
REMOVED_AFTER, RESTARTED_AFTER = 0.06, 0.4
"""Seconds after a kill, as a kubelet and containerd need them."""
ARRIVE_SECONDS = 40.0


@dataclass(frozen=True)
class Delays:
    """How long kills took to arrive, in seconds; how many did not."""

    seconds: Sequence[float]
    missing: int = 0

    def figures(self, name: str) -> Figures:
        """Return the median, the longest, and what is missing, if anything is."""
        found = {}
        if self.seconds:
            found = {f"{name}, p50 ms": 1000 * median(self.seconds)}
            found |= {f"{name}, max ms": 1000 * max(self.seconds)}
        return found | ({f"{name}, not recorded": float(self.missing)} if self.missing else {})


class Storm:
    """Kills containers of an agent's node, and restarts them as a kubelet does."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._arrived: dict[str, float] = {}
        self._restarts: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._last = max(agent.node.pods)
        self._hands = ThreadPoolExecutor(1)  # the API server answers meanwhile
        agent.api.created = self._created

    def _created(self, resource: str, manifest: Json, at: float) -> None:
        if resource == "oomkills":
            container = str((manifest.get("container") or {}).get("id", ""))
            self._arrived.setdefault(container.rpartition("/")[2], at)
            self._news.set()

    async def kill(self, places: Sequence[Place], patience: float = ARRIVE_SECONDS) -> Delays:
        """Kill containers at one moment, and wait until all kills have arrived, or no longer."""
        killed = await self._do(self._kill_now, places)
        for place in places:
            task = asyncio.create_task(self._restart(place))
            self._restarts.add(task)
            task.add_done_callback(self._restarts.discard)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._all_arrived(killed.keys())
        await asyncio.gather(*self._restarts)
        await self._do(self._agent.node.cgroups.sweep)
        took = [self._arrived[each] - at for each, at in killed.items() if each in self._arrived]
        return Delays(took, len(killed) - len(took))

    async def _all_arrived(self, containers: Collection[str]) -> None:
        while not self._arrived.keys() >= set(containers):
            self._news.clear()
            await self._news.wait()

    async def _do(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hands, work, *arguments)

    def _kill_now(self, places: Sequence[Place]) -> dict[str, float]:
        """Kill; return the time of each by the container's ID."""
        killed: dict[str, float] = {}
        for place in places:
            killed[place.container.id_in(place.pod.uid)] = time.monotonic()
            self._agent.node.kill(place)
        return killed

    async def _restart(self, place: Place) -> None:
        node = self._agent.node
        await asyncio.sleep(REMOVED_AFTER)
        self._agent.publish(await self._do(node.remove_container, place))
        await asyncio.sleep(RESTARTED_AFTER)
        self._agent.publish(await self._do(node.restart_container, place))

    async def replace_pod(self) -> None:
        """Remove the oldest pod, and start another as a Deployment does."""
        gone = self._agent.node.pods[min(self._agent.node.pods)]
        await self.end_pod(gone)
        await self.add_pod(len(gone.containers))

    async def end_pod(self, pod: Pod) -> None:
        """Delete a pod and end it."""
        self._agent.api.store.delete("pods", pod.namespace, pod.name)
        await self._do(self._agent.node.end_pod, pod)

    async def add_pod(self, containers: int = 1) -> None:
        """Start one more pod: the API has it before the kubelet starts it."""
        self._last += 1
        names = ("main", "sidecar")[:containers]
        pod = Pod(self._last, tuple(Container(name) for name in names))
        waiting = manifest(pod)
        waiting["status"] = {"phase": "Pending", "qosClass": pod.qos}
        self._agent.api.store.put("pods", waiting)
        await self._do(self._agent.node.start_pod, pod)
        self._agent.publish(pod)

    def choose(self, count: int, skip: int = 0) -> list[Place]:
        """Return containers that run, of different pods as far as there are enough."""
        places = sorted(self._agent.node.places(), key=lambda each: each.container.name)
        return places[skip : skip + count]
