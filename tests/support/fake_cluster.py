"""An API server on loopback for `kubectl oom`: it serves objects, refuses, and records requests."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

Object = dict[str, Any]
_COLLECTION = re.compile(r"(/apis/[^/]+/[^/]+|/api/v1)(?:/namespaces/([^/]+))?/([^/]+)")


@dataclass
class FakeCluster:
    """Serves `objects`, which are keyed by their path.

    Attributes:
        answers: Status and body by method and path, such as ("GET", "/api/v1/pods"), or a function
            of what was sent that returns them; they win over the objects.
        events: What the only watch of a path sends; the API server fails afterwards.
        requests: The method and target of each request.
        bodies: What was sent, in the order of the requests that have a body.
    """

    objects: dict[str, Object] = field(default_factory=dict)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    events: dict[str, list[Object]] = field(default_factory=dict)
    resources: set[str] = field(default_factory=lambda: {"oomkills", "oomnodes", "pods"})
    requests: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    page: int = 500

    def add(self, *objects: Object) -> None:
        """Add objects by what they say of themselves."""
        for each in objects:
            self.objects[_path(each)] = each

    def forbid(self, *paths: str, method: str = "GET") -> None:
        """Refuse requests as RBAC does."""
        for path in paths:
            self.answers[method, path] = 403, _status(403, "forbidden")

    @contextmanager
    def serve(self, folder: Path, namespace: str = "shop") -> Iterator[str]:
        """Serve on loopback, and return the path of a kubeconfig."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield str(_kubeconfig(folder, server.server_address[1], namespace))
        finally:
            server.shutdown()
            server.server_close()

    def answer(self, method: str, target: str) -> tuple[int, Any]:
        """Return the status and the body of an answer."""
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if (found := self.answers.get((method, url.path))) is not None:
            answer: tuple[int, Any] = found(self.bodies[-1]) if callable(found) else found
            return answer
        if url.path in self.objects:
            return 200, self.objects[url.path]
        collection = _COLLECTION.fullmatch(url.path)
        if collection is None or collection[3] not in self.resources:
            return 404, _status(404, f"{url.path} not found")
        return 200, self._list(url.path, query)

    def _list(self, path: str, query: dict[str, str]) -> Object:
        found = _COLLECTION.fullmatch(path)
        assert found is not None
        chosen = [
            each
            for key, each in sorted(self.objects.items())
            if (of := _COLLECTION.fullmatch(key.rpartition("/")[0]))
            and of[3] == found[3]
            and found[2] in {None, of[2]}
            and _has_labels(each, query.get("labelSelector", ""))
        ]
        start = int(query.get("continue", 0))
        end = start + self.page
        more = {"continue": str(end)} if end < len(chosen) else {}
        return {"metadata": {"resourceVersion": "7", **more}, "items": chosen[start:end]}


def _path(manifest: Object) -> str:
    group = manifest["apiVersion"]
    kind = manifest["kind"].lower()
    plural = f"{kind.removesuffix('y')}ies" if kind.endswith("policy") else f"{kind}s"
    namespace = manifest["metadata"].get("namespace")
    base = f"/apis/{group}" if "/" in group else f"/api/{group}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}{inside}/{plural}/{manifest['metadata']['name']}"


def _has_labels(manifest: Object, selector: str) -> bool:
    labels = manifest["metadata"].get("labels", {})
    wanted = dict(each.split("=") for each in selector.split(",") if each)
    return all(labels.get(key) == value for key, value in wanted.items())


def _status(code: int, message: str) -> Object:
    return {"kind": "Status", "code": code, "message": message}


def _kubeconfig(folder: Path, port: int, namespace: str) -> Path:
    path = folder / "kubeconfig"
    context = {"cluster": "fake", "user": "me", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "contexts": [{"name": "fake", "context": context}],
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def _handler(cluster: FakeCluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            cluster.requests.append(f"{self.command} {self.path}")
            if size := int(self.headers.get("Content-Length") or 0):
                cluster.bodies.append(json.loads(self.rfile.read(size)))
            url = urlsplit(self.path)
            if "watch=true" in url.query:
                found = cluster.events.pop(url.path, [])
                cluster.answers["GET", url.path] = 500, _status(500, "the end")
                status, body = 200, "".join(f"{json.dumps(each)}\n" for each in found)
            else:
                status, answer = cluster.answer(self.command, self.path)
                body = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - as the base class looks it up

        def log_message(self, *_: object) -> None:
            pass

    return Handler
