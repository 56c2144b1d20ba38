"""To speak with the API server as an agent does: with a token bound to its pod, and so to its node.

The API server reads the node out of the pod. It need not exist, so no node has to run for it.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from e2e.workloads import Manifest, container, pod
from e2e.world import NAMESPACE, World

ACCOUNT = "oomwarden-agent"
NODE = "node-of-a-story"


@contextmanager
def agent_pod(world: World, node: str = NODE) -> Iterator[Any]:
    """Give a pod with the agents' account on a node that does not exist: it never starts."""
    name = f"agent-{uuid.uuid4().hex[:8]}"
    manifest = pod(NAMESPACE, name, container("agent", "none"))
    manifest["spec"] |= {"nodeName": node, "serviceAccountName": ACCOUNT}
    yield world.core.create_namespaced_pod(NAMESPACE, manifest)
    forget(world, name)


def forget(world: World, name: str) -> None:
    """Delete the pod, if it is there: no kubelet will say that it has ended."""
    where = f"metadata.name={name}"
    world.core.delete_collection_namespaced_pod(
        NAMESPACE, field_selector=where, grace_period_seconds=0
    )


def token_of(world: World, agent: Any) -> str:
    """Ask for a token as the kubelet does for an agent's pod."""
    name, uid = agent.metadata.name, agent.metadata.uid
    bound = {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": uid}
    request = {"spec": {"expirationSeconds": 600, "boundObjectRef": bound, "audiences": []}}
    answer = world.core.create_namespaced_service_account_token(ACCOUNT, NAMESPACE, request)
    return str(answer.status.token)


def client_of(world: World, agent: Any) -> client.ApiClient:
    """Give a client with the agent's own rights, and no others."""
    return client_with(world, token_of(world, agent))


def client_with(world: World, token: str) -> client.ApiClient:
    """Give a client that signs with a token."""
    ours = world.api.configuration
    theirs = client.Configuration(host=ours.host)
    theirs.ssl_ca_cert = ours.ssl_ca_cert
    theirs.api_key = {"authorization": f"Bearer {token}"}
    return client.ApiClient(theirs)


def agents_kubeconfig(world: World, folder: Path) -> Path:
    """Write a kubeconfig that reads its token from the file `token` of a folder."""
    config = yaml.safe_load(world.cluster.kubeconfig.read_text())
    config["users"] = [{"name": "agent", "user": {"tokenFile": str(folder / "token")}}]
    for context in config["contexts"]:
        context["context"]["user"] = "agent"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def record(namespace: str, node: str) -> Manifest:
    """Give an OOMKill as an agent on this node writes it."""
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
