"""The API server refuses agents that speak for other nodes, and scores below the floor."""

import subprocess

import pytest
from kubernetes import client

from e2e.workloads import policy
from e2e.world import GROUP, NAMESPACE, VERSION, Release, World, eventually


def agent_client(world: World, release: Release) -> client.ApiClient:
    """Give a client with an agent's own token."""
    (agent, *_) = eventually(lambda: [a for a in release.agents() if a.status.phase == "Running"])
    token = world.cluster.kubectl(
        "create", "token", agent.spec.service_account_name, "-n", NAMESPACE,
        "--bound-object-kind", "Pod", "--bound-object-name", agent.metadata.name,
    ).strip()  # fmt: skip
    ours = world.api.configuration
    theirs = client.Configuration(host=ours.host)
    theirs.ssl_ca_cert = ours.ssl_ca_cert
    theirs.api_key = {"authorization": f"Bearer {token}"}
    return client.ApiClient(theirs)


def as_agent(world: World, release: Release, namespace: str, manifest: dict[str, object]) -> str:
    """Write an OOMKill with an agent's own token, as a trial; give what the API server says."""
    api = client.CustomObjectsApi(agent_client(world, release))
    try:
        api.create_namespaced_custom_object(
            GROUP, VERSION, namespace, "oomkills", manifest, dry_run="All"
        )
    except client.ApiException as error:
        return str(error.body)
    return "created"


def record(namespace: str, node: str) -> dict[str, object]:
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


def test_an_agent_records_kills_of_its_own_node_only(
    world: World, release: Release, namespace: str
) -> None:
    node = release.agents()[0].spec.node_name
    own = as_agent(world, release, namespace, record(namespace, node))
    assert own == "created"
    other = as_agent(world, release, namespace, record(namespace, "another-node"))
    assert "ValidatingAdmissionPolicy" in other
    assert node in other


def test_nobody_but_agents_records_kills(world: World, release: Release, namespace: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        world.apply(record(namespace, release.agents()[0].spec.node_name))
    assert "ValidatingAdmissionPolicy" in refusal.value.stderr


def test_a_namespaced_score_below_the_floor_is_refused_with_field_and_floor(
    world: World, release: Release, namespace: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        world.apply(policy(namespace, "greedy", {"app": "db"}, {"oomScoreAdj": -900}))
    assert "oomScoreAdj" in refusal.value.stderr
    assert "-500" in refusal.value.stderr
