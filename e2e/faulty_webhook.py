"""An admission webhook that refuses the OOMKills of some pods, each with a different error."""

import base64
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.workloads import Manifest, container, pod
from e2e.world import Release, World

NAMESPACE, NAME = "oomwarden-faulty-webhook", "faulty-webhook"
PORT = 18443
_SERVER = """\
import http.server, json, ssl, sys, time

class Refusal(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        how = self.path.partition("?")[0].strip("/")
        self.log_request(0)  # before it hangs
        if how == "hang":
            time.sleep(60)
        if how in ("500", "hang"):
            return self.send_error(500)
        status = {"code": int(how), "message": "refused by a story"}
        response = {"uid": review["request"]["uid"], "allowed": False, "status": status}
        body = json.dumps(review | {"request": None, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Refusal)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@dataclass
class FaultyWebhook:
    """The webhook's server, which runs in the node's network, where the API server can reach it."""

    world: World
    image: str

    def start(self) -> None:
        """Start the server with its own certificate."""
        self.world.make_namespace(NAMESPACE)
        (node, *_) = self.world.core.list_node().items
        self.address = next(a.address for a in node.status.addresses if a.type == "InternalIP")
        key, self._certificate = _certificate(self.address)
        self.world.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"namespace": NAMESPACE, "name": NAME},
                "stringData": {"tls.key": key, "tls.crt": self._certificate},
            }
        )
        server = container("server", self.image, "python3", "-c", _SERVER, str(PORT))
        server["volumeMounts"] = [{"name": "tls", "mountPath": "/tls"}]
        manifest = pod(NAMESPACE, NAME, server)
        manifest["spec"] |= {
            "hostNetwork": True,
            "nodeName": node.metadata.name,
            "volumes": [{"name": "tls", "secret": {"secretName": NAME}}],
        }
        self.world.apply(manifest)
        self.world.wait_until_running(NAMESPACE, NAME)

    def stop(self) -> None:
        """Delete the server."""
        self.world.core.delete_namespace(NAMESPACE, grace_period_seconds=0)

    @contextmanager
    def refusing(self, how: dict[str, str]) -> Iterator[None]:
        """Refuse new OOMKills of some pods, or hang on them, while the block runs.

        Args:
            how: By pod name, the status code to answer, or "hang".
        """
        self.world.apply(self._webhooks(how))
        time.sleep(2)  # until the API server uses it
        try:
            yield
        finally:
            self.world.cluster.kubectl("delete", "validatingwebhookconfigurations", NAME)

    def answer_counts(self) -> Counter[str]:
        """Return how often the server has given each answer."""
        log = self.world.cluster.kubectl("logs", "-n", NAMESPACE, NAME)
        return Counter(re.findall(r"POST /(\w+)", log))

    def _webhooks(self, how: dict[str, str]) -> Manifest:
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": [self._webhook(pod_name, answer) for pod_name, answer in how.items()],
        }

    def _webhook(self, pod_name: str, answer: str) -> dict[str, Any]:
        rule = {"apiGroups": ["oomwarden.io"], "apiVersions": ["*"], "operations": ["CREATE"]}
        return {
            "name": f"{pod_name}.faulty-webhook.oomwarden.io",
            "clientConfig": {
                "url": f"https://{self.address}:{PORT}/{answer}",
                "caBundle": base64.b64encode(self._certificate.encode()).decode(),
            },
            "rules": [rule | {"resources": ["oomkills"]}],
            "matchConditions": [{"name": "pod", "expression": f"object.pod.name == '{pod_name}'"}],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 30,
        }


def faulty_webhook(release: Release) -> FaultyWebhook:
    """Return a webhook that runs in the product's image, because that has Python."""
    return FaultyWebhook(release.world, f"{release.repository}:{release.tag}")


def _certificate(address: str) -> tuple[str, str]:
    """Create a key and a self-signed certificate."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            (
                *("openssl", "req", "-x509", "-days", "30", "-nodes", "-subj", f"/CN={NAME}"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-addext", f"subjectAltName=IP:{address}"),
                *("-keyout", "tls.key", "-out", "tls.crt"),
            ),
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        return (folder / "tls.key").read_text(), (folder / "tls.crt").read_text()
