"""The API server refuses agents that speak for other nodes, and scores below the floor."""

import json
import subprocess
from pathlib import Path

import pytest

from e2e.workloads import policy
from e2e.world import NAMESPACE, Release, World, eventually


def as_agent(world: World, release: Release, path: Path, manifest: dict[str, object]) -> str:
    """Write an object with an agent's own token; give kubectl's answer."""
    (agent, *_) = eventually(lambda: [a for a in release.agents() if a.status.phase == "Running"])
    token = world.cluster.kubectl(
        "create", "token", agent.spec.service_account_name, "-n", NAMESPACE,
        "--bound-object-kind", "Pod", "--bound-object-name", agent.metadata.name,
    ).strip()  # fmt: skip
    path.write_text(json.dumps(manifest))
    try:
        return world.cluster.kubectl(
            "create", "--token", token, "--dry-run=server", "-f", str(path)
        )
    except subprocess.CalledProcessError as error:
        return str(error.stderr)


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
    world: World, release: Release, namespace: str, tmp_path: Path
) -> None:
    node = release.agents()[0].spec.node_name
    own = as_agent(world, release, tmp_path / "own.json", record(namespace, node))
    assert "created" in own
    other = as_agent(world, release, tmp_path / "other.json", record(namespace, "another-node"))
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
