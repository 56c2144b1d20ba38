"""`kubectl oom` as a plugin that the real kubectl finds, with the rights of one user."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from kubernetes import client

from e2e.world import World

ROOT = Path(__file__).resolve().parent.parent
_PROGRAMS = {"kubectl-oom": "main", "kubectl_complete-oom": "complete"}
_TIMEOUT = 120


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Plugin:
    """Runs kubectl with the plugin in its PATH.

    Attributes:
        folder: Where the plugin's programs and the user's kubeconfig are.
    """

    world: World
    folder: Path
    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> Answer:
        """Run kubectl; the lab's kubectl always uses the lab's own kubeconfig."""
        return self._run([str(self.world.cluster.programs["kubectl"]), *arguments], stdin)

    def shell(self, command: str) -> Answer:
        """Run a command that `kubectl oom` printed, as a person pastes it into a shell."""
        return self._run(["bash", "-o", "pipefail", "-c", command])

    def _run(self, words: list[str], stdin: str | None = None) -> Answer:
        kubectl = self.world.cluster.programs["kubectl"]
        environment = {
            **self.world.cluster.environment(),
            "PATH": os.pathsep.join([str(self.folder), str(kubectl.parent), os.environ["PATH"]]),
        }
        ran = subprocess.run(
            words,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        return Answer(ran.returncode, ran.stdout, ran.stderr)

    def oom(self, *arguments: str, stdin: str | None = None) -> Answer:
        """Run `kubectl oom` as the user."""
        return self.kubectl("oom", *arguments, "--kubeconfig", str(self.kubeconfig), stdin=stdin)


def plugin_of_admin(world: World, folder: Path) -> Plugin:
    """Install the plugin for the cluster's administrator."""
    _install(folder)
    return Plugin(world, folder, world.cluster.kubeconfig)


def plugin_of_user(world: World, folder: Path, namespace: str, *resources: str) -> Plugin:
    """Install the plugin for a user who may only read these resources of a namespace."""
    _install(folder)
    rules = [
        {
            "apiGroups": [resource.partition(".")[2]],
            "resources": [resource.partition(".")[0]],
            "verbs": ["get", "list", "watch"],
        }
        for resource in resources
    ]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    metadata = {"name": "reader", "namespace": namespace}
    rbac = client.RbacAuthorizationV1Api(world.api)
    world.core.create_namespaced_service_account(namespace, {"metadata": metadata})
    rbac.create_namespaced_role(namespace, {"metadata": metadata, "rules": rules})
    binding = {"metadata": metadata, "roleRef": reference, "subjects": [subject]}
    rbac.create_namespaced_role_binding(namespace, binding)
    return Plugin(world, folder, _kubeconfig(world, folder, namespace))


def _install(folder: Path) -> None:
    for name, function in _PROGRAMS.items():
        program = folder / name
        code = f"from oomwarden.cli.start import {function}; {function}()"
        path = f"PYTHONPATH={ROOT / 'operator'}"
        program.write_text(f'#!/bin/sh\nexec env {path} {sys.executable} -c "{code}" "$@"\n')
        program.chmod(0o755)


def _kubeconfig(world: World, folder: Path, namespace: str) -> Path:
    request = {"spec": {"expirationSeconds": 3600, "audiences": []}}
    token = world.core.create_namespaced_service_account_token("reader", namespace, request)
    config = yaml.safe_load(world.cluster.kubeconfig.read_text())
    config["users"] = [{"name": "reader", "user": {"token": token.status.token}}]
    for context in config["contexts"]:
        context["context"] |= {"user": "reader", "namespace": namespace}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
