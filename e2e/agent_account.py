"""Clients with an agent's identity: a token bound to its pod, and so to its node.

The API server takes the node's name from the pod. The node need not exist, so none has to run.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from kubernetes import client
from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.pod_transport import in_pod
from oomwarden.kube.transport.client import Client

from e2e.workloads import Manifest, container, pod
from e2e.world import NAMESPACE, World

ACCOUNT = "oomwarden-agent"
NODE = "node-of-a-story"


@contextmanager
def agent_pod(world: World, node: str = NODE) -> Iterator[Any]:
    """Create a pod with the agents' account on a node that does not exist, so it never starts."""
    name = f"agent-{uuid.uuid4().hex[:8]}"
    manifest = pod(NAMESPACE, name, container("agent", "none"))
    manifest["spec"] |= {"nodeName": node, "serviceAccountName": ACCOUNT}
    yield world.core.create_namespaced_pod(NAMESPACE, manifest)
    delete_pod(world, name)


def delete_pod(world: World, name: str) -> None:
    """Delete the pod without waiting, as there is no kubelet to confirm its end."""
    where = f"metadata.name={name}"
    world.core.delete_collection_namespaced_pod(
        NAMESPACE, field_selector=where, grace_period_seconds=0
    )


def token_of(world: World, agent: Any) -> str:
    """Request a token as the kubelet does for an agent's pod."""
    name, uid = agent.metadata.name, agent.metadata.uid
    bound = {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": uid}
    request = {"spec": {"expirationSeconds": 600, "boundObjectRef": bound, "audiences": []}}
    response = world.core.create_namespaced_service_account_token(ACCOUNT, NAMESPACE, request)
    return str(response.status.token)


def agent_client(world: World, agent: Any) -> client.ApiClient:
    """Return a client with exactly the agent's permissions."""
    return client_with_token(world, token_of(world, agent))


def client_with_token(world: World, token: str) -> client.ApiClient:
    """Return a client that authenticates with a token."""
    own = world.api.configuration
    configuration = client.Configuration(host=own.host)
    configuration.ssl_ca_cert = own.ssl_ca_cert
    configuration.api_key = {"authorization": f"Bearer {token}"}
    return client.ApiClient(configuration)


def agents_kubeconfig(world: World, folder: Path) -> Path:
    """Write a kubeconfig that reads its token from the file `token` in a folder."""
    config = yaml.safe_load(world.cluster.kubeconfig.read_text())
    config["users"] = [{"name": "agent", "user": {"tokenFile": str(folder / "token")}}]
    for context in config["contexts"]:
        context["context"]["user"] = "agent"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def client_as_in_a_pod(world: World, account: Path) -> Client:
    """Return a client as agent and operator have it; the folder `account` has the file `token`."""
    configuration = world.api.configuration
    shutil.copy(configuration.ssl_ca_cert, account / "ca.crt")
    server = urlsplit(configuration.host)
    assert server.hostname is not None
    assert server.port is not None
    return Client(in_pod(Address(server.hostname, server.port), account, 10.0))


def record(namespace: str, node: str) -> Manifest:
    """Return an OOMKill as an agent on this node creates it."""
    evidence = {"bootID": "b", "cgroup": 1, "level": "Pod", "epoch": 0, "from": 0, "to": 1}
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMKill",
        "metadata": {"name": "forged-0a1b2c3d", "namespace": namespace},
        "node": node,
        "pod": {"name": "p", "uid": "0a1b2c3d-1111-2222-3333-444455556666"},
        "container": {"name": "app", "type": "App"},
        "cause": "Unknown",
        "kills": 1,
        "time": {"before": "2026-01-01T00:00:00.000000Z"},
        "evidence": evidence | {"sources": ["Counters"]},
    }
