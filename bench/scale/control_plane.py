"""A private etcd and kube-apiserver on free loopback ports, which end with the benchmark.

The programs are those of the lab (e2e/lab/tools.py), and its instances are not touched. There is no
kubelet, no scheduler and no controller: what they would write, the benchmark writes.
"""

import base64
import contextlib
import secrets
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path

from e2e.lab import tools
from e2e.lab.errors import LabError

_READY_SECONDS = 120.0
_QUOTA_BYTES = 8 << 30
"""etcd's; the revisions of a fleet that writes constantly stay for five minutes."""
_REQUESTS_AT_ONCE = 400
"""kube-apiserver's default for reads; the default for writes is half of it."""


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane.

    Attributes:
        port: The API server's port on the loopback.
        token: A bearer token of system:masters.
        certificate: The CA's certificate, PEM.
        kubeconfig: A kubeconfig with that token.
        account: A folder with that token and the CA, as a pod has it.
        pids: The process IDs by program.
        folder: Where etcd's data and the logs are.
    """

    port: int
    token: str
    certificate: Path
    kubeconfig: Path
    account: Path
    pids: dict[str, int]
    folder: Path

    def connect(self) -> HTTPSConnection:
        """Return a connection, which opens with its first request."""
        trusted = ssl.create_default_context(cafile=str(self.certificate))
        return HTTPSConnection("127.0.0.1", self.port, timeout=120, context=trusted)


@contextlib.contextmanager
def control_plane() -> Iterator[ControlPlane]:
    """Start a control plane, and end it together with its data.

    Raises:
        LabError: It is not ready after two minutes.
    """
    programs = tools.merged(tools.build(each) for each in (tools.COMPANIONS, tools.CONTROL_PLANE))
    with (
        tempfile.TemporaryDirectory(prefix="bench-scale-") as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        client_port, peer_port, port = _free_ports(3)
        _create_keys(folder)
        token = secrets.token_hex(16)
        (folder / "tokens").write_text(f'{token},bench,bench,"system:masters"\n')
        url = f"http://127.0.0.1:{client_port}"
        etcd = _start(stack, folder, _etcd(programs["etcd"], folder, url, peer_port))
        api = _start(stack, folder, _apiserver(programs["kube-apiserver"], folder, url, port))
        pids = {"etcd": etcd.pid, "kube-apiserver": api.pid}
        kubeconfig, account = _kubeconfig(folder, port, token), _account(folder, token)
        started = ControlPlane(port, token, folder / "ca.crt", kubeconfig, account, pids, folder)
        _wait_until_ready(started, api)
        yield started


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_sockets:
        found = [
            open_sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [each.getsockname()[1] for each in found]


def _start(
    stack: contextlib.ExitStack, folder: Path, command: list[str]
) -> subprocess.Popen[bytes]:
    """Start a program; the stack ends it, the last one first."""
    log = stack.enter_context((folder / f"{Path(command[0]).name}.log").open("wb"))
    process = subprocess.Popen(command, stdout=log, stderr=log)
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _create_keys(folder: Path) -> None:
    """Write a CA, the API server's certificate and the key of service account tokens."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(folder, "req", "-x509", *key, "-days", "2", "-subj", "/CN=bench-scale",
             "-addext", "keyUsage=critical,keyCertSign",
             "-keyout", "ca.key", "-out", "ca.crt")  # fmt: skip
    _openssl(folder, "req", "-x509", *key, "-days", "2", "-subj", "/CN=kube-apiserver",
             "-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.crt",
             "-addext", "basicConstraints=critical,CA:FALSE",
             "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")  # fmt: skip
    _openssl(folder, "genrsa", "-out", "accounts.key", "2048")


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def _etcd(program: Path, folder: Path, url: str, peer_port: int) -> list[str]:
    peer = f"http://127.0.0.1:{peer_port}"
    flags = {
        "data-dir": folder / "data", "listen-client-urls": url, "advertise-client-urls": url,
        "listen-peer-urls": peer, "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}", "quota-backend-bytes": _QUOTA_BYTES,
        "log-level": "warn", "experimental-watch-progress-notify-interval": "5s",
    }  # fmt: skip
    return [str(program), "--unsafe-no-fsync", *(f"--{name}={flags[name]}" for name in flags)]


def _apiserver(program: Path, folder: Path, etcd: str, port: int) -> list[str]:
    flags = {
        "etcd-servers": etcd, "bind-address": "127.0.0.1", "advertise-address": "127.0.0.1",
        "secure-port": port, "service-cluster-ip-range": "10.96.0.0/16",
        "client-ca-file": folder / "ca.crt", "token-auth-file": folder / "tokens",
        "tls-cert-file": folder / "server.crt", "tls-private-key-file": folder / "server.key",
        "service-account-key-file": folder / "accounts.key",
        "service-account-signing-key-file": folder / "accounts.key",
        "service-account-issuer": "https://kubernetes.default.svc",
        "authorization-mode": "RBAC", "disable-admission-plugins": "ServiceAccount",
        "endpoint-reconciler-type": "none", "allow-privileged": "true",
        "max-requests-inflight": _REQUESTS_AT_ONCE,
    }  # fmt: skip
    return [str(program), *(f"--{name}={flags[name]}" for name in flags)]


def _kubeconfig(folder: Path, port: int, token: str) -> Path:
    ca = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(f"""\
apiVersion: v1
kind: Config
current-context: bench
contexts:
- name: bench
  context: {{cluster: bench, user: bench}}
clusters:
- name: bench
  cluster: {{server: "https://127.0.0.1:{port}", certificate-authority-data: {ca}}}
users:
- name: bench
  user: {{token: {token}}}
""")
    return path


def _account(folder: Path, token: str) -> Path:
    path = folder / "account"
    path.mkdir(mode=0o700)
    (path / "token").write_text(token)
    (path / "ca.crt").write_bytes((folder / "ca.crt").read_bytes())
    return path


def _wait_until_ready(started: ControlPlane, api: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not _is_ready(started):
        if api.poll() is not None or time.monotonic() > deadline:
            log = (started.folder / "kube-apiserver.log").read_text(errors="replace")
            raise LabError(f"The API server is not ready: {log[-2000:]}")
        time.sleep(0.2)


def _is_ready(started: ControlPlane) -> bool:
    connection = started.connect()
    try:
        connection.request("GET", "/readyz", headers={"Authorization": f"Bearer {started.token}"})
        return connection.getresponse().status == 200  # noqa: PLR2004 - OK
    except OSError:
        return False
    finally:
        connection.close()
