"""An agent in its pod does not load libraries that it does not need."""

import subprocess
import sys

HEAVY = {
    "aiohttp", "anyio", "email", "h2", "hpack", "http.client", "http.server", "httpcore2", "httpx2",
    "importlib.metadata", "kopf", "lightkube", "prometheus_client", "urllib.request",
    "wsproto", "yaml",
}  # fmt: skip
PROGRAM = """
import asyncio, pkgutil, sys
import oomwarden.agent.main, oomwarden.agent
for each in pkgutil.walk_packages(oomwarden.agent.__path__, "oomwarden.agent."):
    __import__(each.name)  # what is imported late, too
from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.failures import ConnectError
from oomwarden.kube.http.pod_transport import PodTransport
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.resources import Pod
try:
    asyncio.run(Client(PodTransport(Address("127.0.0.1", 1), None, None, 1.0)).get(Pod, "a", "b"))
except ConnectError:
    print(*sys.modules)
"""


def test_an_agent_that_has_sent_a_request_has_loaded_none_of_the_heavy_libraries() -> None:
    command = [sys.executable, "-c", PROGRAM]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert {"oomwarden.agent.ranking.server", "h11", "ssl"} <= set(loaded)
    assert {name for name in loaded if name in HEAVY} == set()
