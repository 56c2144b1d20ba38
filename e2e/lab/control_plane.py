"""The control plane: processes of this machine in the instance's network namespace."""

import socket
import sys
import time
from pathlib import Path

from e2e.lab import forward, pki, processes
from e2e.lab.errors import LabError
from e2e.lab.instance import Instance
from e2e.lab.progress import step
from e2e.lab.shell import succeeds
from e2e.lab.tools import Tools

_READY_SECONDS = 120.0
_ETCD = "http://127.0.0.1:2379"
FORWARDER = "forwarder"
# In start order. The API server must stop before etcd, or it waits a minute for it.
COMPONENTS = ("etcd", "apiserver", "controller-manager", "scheduler")
_FIRST = COMPONENTS[:2]
"""The others give up ten seconds after their start if the API server is not ready (Kubernetes v1.37
cmd/kube-controller-manager/app, WaitForAPIServer), which a busy machine exceeds."""


def start(instance: Instance, tools: Tools) -> None:
    """Start the components that are not running; the API server is ready before its clients start.

    Raises:
        LabError: It is not ready after two minutes.
    """
    commands: dict[str, list[str | Path]] = {
        "etcd": _etcd(instance, tools),
        "apiserver": _apiserver(instance, tools),
        "controller-manager": _controller_manager(instance, tools),
        "scheduler": _scheduler(instance, tools),
    }

    def start_if_down(name: str) -> None:
        if not processes.is_alive(name, instance.run):
            processes.start(name, instance.in_namespace(*commands[name]), instance.run)

    for name in _FIRST:
        start_if_down(name)
    if not processes.is_alive(FORWARDER, instance.run):
        _start_forwarder(instance)
    _wait_until_ready(instance, tools)
    for name in COMPONENTS[len(_FIRST) :]:
        start_if_down(name)


def _etcd(instance: Instance, tools: Tools) -> list[str | Path]:
    folder = instance.run / "etcd"
    # The data need not survive a crash of the machine, so etcd does not wait for the disk.
    return [tools["etcd"], "--data-dir", folder, "--unsafe-no-fsync", "--log-level", "warn"]


def _apiserver(instance: Instance, tools: Tools) -> list[str | Path]:
    keys = instance.pki
    flags = {
        "etcd-servers": _ETCD,
        "advertise-address": instance.host_ip,
        "secure-port": pki.API_PORT,
        "service-cluster-ip-range": "10.96.0.0/16",
        "client-ca-file": keys / "ca.crt",
        "tls-cert-file": keys / "apiserver.crt",
        "tls-private-key-file": keys / "apiserver.key",
        "service-account-key-file": keys / "sa.pub",
        "service-account-signing-key-file": keys / "sa.key",
        "service-account-issuer": "https://kubernetes.default.svc",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "kubelet-preferred-address-types": "InternalIP",
        "kubelet-client-certificate": keys / "kubelet-client.crt",
        "kubelet-client-key": keys / "kubelet-client.key",
        "kubelet-certificate-authority": keys / "ca.crt",
    }
    return [tools["kube-apiserver"], *(f"--{name}={value}" for name, value in flags.items())]


def _controller_manager(instance: Instance, tools: Tools) -> list[str | Path]:
    flags = {
        "kubeconfig": instance.pki / "controller-manager.kubeconfig",
        "service-account-private-key-file": instance.pki / "sa.key",
        "root-ca-file": instance.pki / "ca.crt",
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        "controllers": "*,-nodeipam",
    }
    program = tools["kube-controller-manager"]
    return [program, *(f"--{name}={value}" for name, value in flags.items())]


def _scheduler(instance: Instance, tools: Tools) -> list[str | Path]:
    config = instance.pki / "scheduler.kubeconfig"
    return [tools["kube-scheduler"], f"--kubeconfig={config}", "--leader-elect=false"]


def _start_forwarder(instance: Instance) -> None:
    with _loopback_socket(instance) as listener:
        command: list[str | Path] = [sys.executable, Path(forward.__file__), str(listener.fileno())]
        target = [instance.host_ip, str(pki.API_PORT)]
        words = instance.in_namespace(*command, *target)
        processes.start(FORWARDER, words, instance.run, pass_fds=[listener.fileno()])
        port = listener.getsockname()[1]
    text = pki.kubeconfig(instance.pki, "admin", f"https://127.0.0.1:{port}")
    instance.kubeconfig.touch(mode=0o600)
    instance.kubeconfig.write_text(text, encoding="utf-8")
    (instance.folder / "port").write_text(str(port), encoding="utf-8")


def _loopback_socket(instance: Instance) -> socket.socket:
    """Listen on the same port as the last time, so that copied kubeconfigs stay valid."""
    remembered = instance.folder / "port"
    wanted = int(remembered.read_text(encoding="utf-8")) if remembered.exists() else 0
    try:
        return socket.create_server(("127.0.0.1", wanted))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def _wait_until_ready(instance: Instance, tools: Tools) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    kubectl = (tools["kubectl"], "--kubeconfig", instance.kubeconfig)
    if succeeds(*kubectl, "get", "--raw", "/readyz"):
        return
    with step("start the control plane", "the API server to become ready"):
        while not succeeds(*kubectl, "get", "--raw", "/readyz"):
            if time.monotonic() > deadline:
                log = instance.run / "apiserver.log"
                raise LabError(
                    f"The API server is not ready after {_READY_SECONDS:.0f} s: see {log}."
                )
            time.sleep(0.3)
