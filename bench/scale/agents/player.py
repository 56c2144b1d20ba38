"""Plays many agents in one process: commands arrive on stdin, one JSON object a line each way.

`python -m bench.scale.agents.player CONFIG`. CONFIG is a JSON file with `port`, `authority` (a
file), `folder`, and `agents`, a token file by node.
"""

import asyncio
import json
import logging
import random
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oomwarden.agent.run import SPREAD_SECONDS
from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.pod_transport import PodTransport
from oomwarden.kube.http.service_account import CertificateAuthority, TokenFile
from oomwarden.kube.transport.client import Client

from bench.scale.agents.played import PlayedAgent
from bench.scale.agents.traffic import CountedTransport, CountingLoop, Traffic

Answer = dict[str, Any]
_TIMEOUT_SECONDS = 120.0
"""An agent's is 10. Hundreds of agents share this process and a processor with the API server: what
they wait for themselves must not make them send a request twice."""


class Player:
    """All agents of this process.

    Args:
        config: The configuration.
        traffic: Counts what they send and receive.
    """

    def __init__(self, config: Answer, traffic: Traffic) -> None:
        self._config, self._traffic = config, traffic
        self._authority = CertificateAuthority(Path(config["authority"]))
        self._agents: dict[str, PlayedAgent] = {}
        self._running: list[asyncio.Task[None]] = []
        self._storms: set[asyncio.Task[None]] = set()

    async def do(self, command: Answer) -> Answer:
        """Carry out a command, and return how things are."""
        todo = dict(command)
        name = todo.pop("do", "")
        if name == "start":
            self._start(**todo)
        elif name == "stop":
            await self._stop()
        elif name == "storm":
            self._storm(**todo)
        elif name == "begin":
            self._traffic.begin()
        return self._state(todo.get("since", float("inf")))

    def _state(self, since: float) -> Answer:
        agents = self._agents.values()
        written = [each.written for each in agents if (each.written or 0) >= since]
        own = resource.getrusage(resource.RUSAGE_SELF)
        return {
            **vars(self._traffic),
            "synced": sum(each.synced for each in agents),
            "written": len(written),
            "last_written": max((each for each in written if each), default=0.0),
            "storms": len(self._storms),
            "waiting": sum(each.undelivered[0] for each in agents),
            "held": sum(each.undelivered[1] for each in agents),
            "player_cpu": own.ru_utime + own.ru_stime,
            "ended": sum(each.done() for each in self._running),
        }

    def _start(self, rollout: float, *, is_new: bool) -> None:
        for name, token in self._config["agents"].items():
            agent = self._agents[name] = self._agent(name, Path(token))
            pause = random.uniform(0, rollout)  # noqa: S311 - no secret
            self._running.append(asyncio.create_task(_run(agent, pause, is_new=is_new)))

    def _agent(self, name: str, token: Path) -> PlayedAgent:
        address = Address("127.0.0.1", self._config["port"])
        transport = PodTransport(address, self._authority, TokenFile(token), _TIMEOUT_SECONDS)
        client = Client(CountedTransport(transport, self._traffic))
        return PlayedAgent(name, client, Path(self._config["folder"]))

    async def _stop(self) -> None:
        tasks = [*self._running, *self._storms]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(each.aclose() for each in self._agents.values()))
        self._running.clear()
        self._agents.clear()

    def _storm(self, nodes: Iterable[str], kills: int, seconds: float, namespace: str) -> None:
        for name in nodes:
            if name in self._agents:
                storm = self._agents[name].storm(kills, seconds, namespace)
                task = asyncio.create_task(storm)
                self._storms.add(task)
                task.add_done_callback(self._storms.discard)


async def _run(agent: PlayedAgent, pause: float, *, is_new: bool) -> None:
    await asyncio.sleep(pause)
    delay = random.uniform(0, SPREAD_SECONDS)  # noqa: S311 - no secret
    await agent.run(delay, is_new=is_new)


async def _serve(config: Answer, traffic: Traffic) -> None:
    player, loop = Player(config, traffic), asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        print(json.dumps(await player.do(json.loads(line))), flush=True)


def main(config: Path) -> None:
    """Play until stdin ends."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    traffic = Traffic()
    loop = CountingLoop(traffic)
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_serve(json.loads(config.read_text(encoding="utf-8")), traffic))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
