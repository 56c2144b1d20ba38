"""An agent that ranks, on loopback, and an OOMNode that leads to it."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from oomwarden.agent.ranking.access import AccessVerdict
from oomwarden.agent.ranking.server import RankServer, listen
from oomwarden.agent.ranking.tls import server_tls
from oomwarden.core.badness.rank_report import RankReport

from tests.support.fake_cluster import FakeCluster

Object = dict[str, Any]
TOKEN_PATH = "/api/v1/namespaces/oomwarden/serviceaccounts/oomwarden-rank/token"  # noqa: S105


@dataclass
class RankingAgent:
    """The server in a thread of its own.

    Attributes:
        report: What it ranks.
        tokens: The tokens that were sent.
    """

    report: RankReport
    verdict: AccessVerdict = AccessVerdict.ALLOWED
    tokens: list[str] = field(default_factory=list)
    port: int = 0
    fingerprint: str = ""

    @contextmanager
    def serve(self) -> Iterator[None]:
        listener, loop = listen(0), asyncio.new_event_loop()
        tls = server_tls()
        self.port, self.fingerprint = listener.getsockname()[1], tls.fingerprint
        server = RankServer(tls, self._decide, self._report)
        task = loop.create_task(server.run(listener))
        thread = threading.Thread(target=self._run, args=(loop, task), daemon=True)
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join(10)
            listener.close()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
        try:
            loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        finally:
            loop.close()

    async def _decide(self, token: str) -> AccessVerdict:
        self.tokens.append(token)
        return self.verdict

    async def _report(self) -> RankReport:
        return self.report

    def forward(self, *_: object) -> tuple[socket.socket, Any]:
        """Connect as port-forwarding does."""
        return socket.create_connection(("127.0.0.1", self.port)), lambda: None

    def add_to(self, cluster: FakeCluster, node: str = "node-1", **rank: object) -> Object:
        """Add the OOMNode, the agent's pod, and its account's tokens to a cluster."""
        place: Object = {
            "namespace": "oomwarden",
            "pod": "agent-1",
            "port": 9809,
            "certificate": f"sha256:{self.fingerprint}",
        }
        oomnode: Object = {
            "apiVersion": "oomwarden.io/v1alpha1",
            "kind": "OOMNode",
            "metadata": {"name": node},
            "status": {"agent": {"version": "0.1.0"}, "rank": place | rank},
        }
        cluster.add(oomnode, pod("agent-1", "oomwarden", node))
        cluster.answers["POST", TOKEN_PATH] = 201, {"status": {"token": f"token-of-{node}"}}
        return oomnode


def pod(name: str, namespace: str = "shop", node: str | None = "node-1", **status: str) -> Object:
    """Return a pod on a node."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": "Running", **status},
    }
