"""An API server with lists as a hostile tenant would fill them; runs as a separate process.

`python -m bench.hostile_api SCENARIO` prints its port. Watches stay open without events.
"""

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.largest import largest_policy
from bench.reports_of_nodes import oomnode

PODS, POLICIES, NODES = 250, 1000, 2000
HERE, ELSEWHERE = "tenant", "elsewhere"
Items = Iterator[dict[str, Any]]


def pods(annotation: int) -> Items:
    """Yield pods of one namespace that a tenant pinned to the node."""
    for number in range(PODS):
        metadata = {"name": f"p{number}", "namespace": HERE, "uid": f"u{number}"}
        yield {
            "metadata": {**metadata, "annotations": {"x": "y" * annotation}},
            "spec": {"nodeName": "n", "containers": [{"name": "app"}]},
            "status": {"phase": "Running", "qosClass": "BestEffort"},
        }


def policies(*namespaces: str) -> Items:
    """Yield POLICIES of the largest policies in each namespace."""
    for namespace in namespaces:
        for number in range(POLICIES):
            yield largest_policy(f"p{number:04}", namespace)


def small_pod() -> Items:
    """Yield one ordinary pod."""
    yield next(pods(10))


class Scenario:
    """What the API server stores."""

    def __init__(self, name: str) -> None:
        self.name = name

    def items(self, plural: str, namespace: str | None) -> Items:
        """Yield the items of a list."""
        if plural == "pods":
            return pods(250 * 1024 - 20) if self.name == "pods" else small_pod()
        if plural == "oompolicies" and self.name.startswith("policies"):
            places = [ELSEWHERE] if self.name == "policies-elsewhere" else [HERE, ELSEWHERE]
            return policies(*(each for each in places if namespace in {None, each}))
        if plural == "oomnodes":
            return self._nodes()
        if plural == "namespaces":
            return iter([{"metadata": {"name": HERE, "uid": "u"}}])
        return iter(())

    def _nodes(self) -> Items:
        if self.name == "nodes":
            return (oomnode(number) for number in range(NODES))
        if self.name == "refusing-nodes":
            return (oomnode(number, refusals=3, own_texts=True) for number in range(NODES))
        if self.name == "huge-nodes":
            return (oomnode(number, policies=500, refusals=10) for number in range(100))
        return iter(())


class Handler(BaseHTTPRequestHandler):
    """Handles one request."""

    scenario: Scenario

    def do_GET(self) -> None:
        """Return a list, or keep a watch open."""
        url = urlsplit(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if "watch" in parse_qs(url.query):
            self.rfile.read()
            return
        parts = url.path.split("/")
        namespace = parts[-2] if "namespaces" in parts[:-1] else None
        limit = parse_qs(url.query).get("limit")
        items = self.scenario.items(parts[-1], namespace)
        self._list(islice(items, int(limit[0])) if limit else items)

    def _list(self, items: Items) -> None:
        self.wfile.write(b'{"kind":"List","metadata":{"resourceVersion":"7"},"items":[')
        for number, item in enumerate(items):
            text = json.dumps({**item, "metadata": {**item["metadata"], "resourceVersion": "3"}})
            self.wfile.write(b"," * bool(number) + text.encode())
        self.wfile.write(b"]}")

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def main(scenario: str) -> None:
    """Serve until the process is terminated."""
    Handler.scenario = Scenario(scenario)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
