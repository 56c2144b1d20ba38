"""An admission webhook that refuses the OOMKills of some pods, each with its own answer."""

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

NAMESPACE, NAME = "oomwarden-refuser", "refuser"
PORT = 18443
_SERVER = """\
import http.server, json, ssl, sys, time

class Refuse(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        how = self.path.partition("?")[0].strip("/")
        self.log_request(0)  # before it hangs
        if how == "hang":
            time.sleep(60)
        if how in ("500", "hang"):
            return self.send_error(500)
        status = {"code": int(how), "message": "refused by a story"}
        told = {"uid": asked["request"]["uid"], "allowed": False, "status": status}
        body = json.dumps(asked | {"request": None, "response": told}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Refuse)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@dataclass
class Refuser:
    """The webhook's server, in the node's network: the API server reaches it like the kubelet."""

    world: World
    image: str

    def begin(self) -> None:
        """Start it, with a certificate of its own."""
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
        self.world.running(NAMESPACE, NAME)

    def end(self) -> None:
        """Take the server away."""
        self.world.core.delete_namespace(NAMESPACE, grace_period_seconds=0)

    @contextmanager
    def refusing(self, how: dict[str, str]) -> Iterator[None]:
        """Refuse every new OOMKill of some pods, or hang, as long as the block lasts.

        Args:
            how: The status code, or "hang", by the pod's name.
        """
        self.world.apply(self._webhooks(how))
        time.sleep(2)  # until the API server has taken it
        try:
            yield
        finally:
            self.world.cluster.kubectl("delete", "validatingwebhookconfigurations", NAME)

    def answered(self) -> Counter[str]:
        """Count how often each answer was given since the server began."""
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
            "name": f"{pod_name}.refuser.oomwarden.io",
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


def refuser_of(release: Release) -> Refuser:
    """Give a refuser that runs in the product's image, which has a Python."""
    return Refuser(release.world, f"{release.repository}:{release.tag}")


def _certificate(address: str) -> tuple[str, str]:
    """Make a key, and a certificate for it that signs itself."""
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
