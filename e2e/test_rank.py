"""`kubectl oom rank`: what an agent shows of its node, to which users, and by which way."""

import json
import socket
import ssl
from pathlib import Path
from typing import Any

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.resources import PODS

from e2e.plugin import plugin_of_user
from e2e.workloads import family, pod
from e2e.world import NAMESPACE, Release, World

ACCOUNT = "oomwarden-rank"


def test_the_chart_s_roles_let_a_person_rank_and_without_them_the_missing_right_is_named(
    world: World, release: Release, namespace: str, tmp_path: Path
) -> None:
    person = plugin_of_user(world, tmp_path, namespace, "pods")
    world.apply(pod(namespace, "web", family(world.cluster.busybox_image)))
    world.wait_until_running(namespace, "web")
    node = world.pod(namespace, "web").spec.node_name

    refused = person.oom("rank", "web")
    assert (refused.code, refused.out) == (1, "")
    assert f"you may not get oomnodes.oomwarden.io {node}" in refused.err

    binding = f"--serviceaccount={namespace}:reader"
    kubectl, role = world.cluster.kubectl, "oomwarden-rank-client"
    kubectl("create", "clusterrolebinding", namespace, "--clusterrole", role, binding)
    try:
        refused = person.oom("rank", "web")
        assert "you may not get pods oomwarden-agent-" in refused.err
        kubectl("create", "rolebinding", namespace, "-n", NAMESPACE, "--role", role, binding)
        ranked = person.oom("rank", "web")
        whole = person.oom("rank", f"node/{node}", "-o", "json")
    finally:
        kubectl("delete", "clusterrolebinding", namespace)
        kubectl("delete", "rolebinding", namespace, "-n", NAMESPACE, "--ignore-not-found")
    assert ranked.code == 0, ranked.err
    assert "Container app: limit 64Mi" in ranked.out
    assert ranked.out.count("Kubelet (Burstable)") == 6, "three processes, at both levels"
    machine, *containers = json.loads(whole.out)["domains"]
    points = [each["points"] for each in machine["ranking"] if "points" in each]
    assert points == sorted(points, reverse=True)
    assert any(each.get("pod") == "web" for each in containers)


def token_for(world: World, account: str, audience: str, namespace: str = NAMESPACE) -> str:
    return world.cluster.kubectl(
        "create", "token", account, "-n", namespace, "--audience", audience
    ).strip()


def raw_answer(world: World, rank: dict[str, Any], *, token: str = "") -> bytes:
    """Send a request to the agent, over a connection that verifies nothing."""
    connection = Cluster(str(world.cluster.kubeconfig), None).connection
    path = PODS.path(rank["namespace"], rank["pod"], "portforward")
    raw, _ = connection.forward(path, rank["port"], "")
    raw.settimeout(30)
    return exchange(raw, f"Authorization: Bearer {token}\r\n" if token else "")


def exchange(raw: socket.socket, header: str) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with raw, context.wrap_socket(raw) as secured:
        secured.sendall(f"GET /rank HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        pieces = []
        while piece := secured.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def test_an_agent_answers_only_to_a_token_for_its_node_whose_user_has_the_right(
    world: World, release: Release, namespace: str
) -> None:
    (agent,) = release.agents()
    node = agent.spec.node_name
    rank = world.node_report(node)["status"]["rank"]
    own = f"rank.oomwarden.io/{node}"
    api_server = "https://kubernetes.default.svc.cluster.local"

    assert raw_answer(world, rank).startswith(b"HTTP/1.1 401 ")
    for audience in ("rank.oomwarden.io/another-node", api_server):
        token = token_for(world, ACCOUNT, audience)
        assert raw_answer(world, rank, token=token).startswith(b"HTTP/1.1 401 "), audience
    stranger = token_for(world, "default", own, namespace)
    assert raw_answer(world, rank, token=stranger).startswith(b"HTTP/1.1 403 ")
    good = token_for(world, ACCOUNT, own)
    assert raw_answer(world, rank, token=good).startswith(b"HTTP/1.1 200 ")

    outside = f"nc -w 5 {agent.status.pod_ip} {rank['port']} </dev/null && echo open || echo closed"
    world.apply(pod(namespace, "web", family(world.cluster.busybox_image)))
    world.wait_until_running(namespace, "web")
    assert world.run_in_container(namespace, "web", "app", outside).strip() == "closed"
