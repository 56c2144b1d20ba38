"""The node: a machine, two disks that nodes share, and a third with the node's own files."""

import io
import json
import tarfile
import time
from pathlib import Path

from e2e.lab import processes
from e2e.lab.errors import LabError
from e2e.lab.instance import NODE_NAME, Instance, Options
from e2e.lab.machines import Devices, Machine
from e2e.lab.progress import step
from e2e.lab.shell import run
from e2e.lab.tools import Tools

NODE = "node"
_READY_SECONDS = 300.0


def start(instance: Instance, machine: Machine, disks: tuple[Path, Path], options: Options) -> None:
    """Boot the node from clean disks, unless it is already running.

    Args:
        instance: The instance that the node belongs to.
        machine: The machine that it runs on.
        disks: Its system disk and its image store; neither is ever written to.
        options: Its memory and its kubelet's settings.
    """
    if processes.is_alive(NODE, instance.run):
        return
    identity = instance.run / "identity.tar"
    write_identity(instance, options, identity)
    for written in instance.run.glob("*.cow"):
        written.unlink()
    command = machine.command(instance, Devices(*disks, identity, options.memory))
    processes.start(NODE, instance.in_namespace(*command), instance.run)


def write_identity(instance: Instance, options: Options, path: Path) -> None:
    """Write the tar with the files that are specific to this instance's node."""
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        **options.kubelet,
    }
    keys = instance.pki
    files = {
        "etc/lab/instance.env": f"HOST_IP={instance.host_ip}\nNODE_IP={instance.node_ip}\n",
        "etc/kubernetes/ca.crt": (keys / "ca.crt").read_text(encoding="utf-8"),
        "etc/kubernetes/node.crt": (keys / "node.crt").read_text(encoding="utf-8"),
        "etc/kubernetes/node.key": (keys / "node.key").read_text(encoding="utf-8"),
        "etc/kubernetes/kubelet.kubeconfig": (keys / "node.kubeconfig").read_text(encoding="utf-8"),
        "etc/kubernetes/kubelet.conf.d/instance.conf": json.dumps(config),
    }
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))


def wait_until_ready(instance: Instance, machine: Machine, tools: Tools) -> None:
    """Wait until the node is Ready.

    Raises:
        LabError: Its machine has stopped, or it is not ready after five minutes.
    """
    kubectl = (tools["kubectl"], "--kubeconfig", instance.kubeconfig)
    condition = '{.status.conditions[?(@.type=="Ready")].status}'
    query = ("get", "node", NODE_NAME, "--ignore-not-found", "-o", f"jsonpath={condition}")
    deadline = time.monotonic() + _READY_SECONDS
    if run(*kubectl, *query) == "True":
        return
    with step("boot the node", "its kubelet to become ready, about 30 s"):
        while run(*kubectl, *query) != "True":
            if not processes.is_alive(NODE, instance.run) or time.monotonic() > deadline:
                raise LabError(f"The node did not start: see {machine.console(instance)}.")
            time.sleep(0.5)
