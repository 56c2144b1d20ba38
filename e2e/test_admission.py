"""The API server refuses agents that speak for other nodes, and scores below the floor."""

import subprocess
from typing import Any

import pytest
from kubernetes import client

from bench.largest import largest_policy
from e2e.agent_account import NODE, agent_pod, client_of, record
from e2e.workloads import policy
from e2e.world import GROUP, VERSION, World

pytestmark = pytest.mark.usefixtures("definitions")


_PROCESS = {"command": "x", "oomScoreAdj": 5}
_LONG = {"command": "x" * 200, "oomScoreAdj": 5}


def _selector(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["podSelector"]["matchExpressions"][0]
    return found


def said_to(agent: client.ApiClient, namespace: str, manifest: dict[str, object]) -> str:
    """Write an OOMKill as an agent, as a trial; give what the API server says."""
    api = client.CustomObjectsApi(agent)
    try:
        api.create_namespaced_custom_object(
            GROUP, VERSION, namespace, "oomkills", manifest, dry_run="All"
        )
    except client.ApiException as error:
        return str(error.body)
    return "created"


def test_an_agent_records_kills_of_its_own_node_only(control_plane: World, namespace: str) -> None:
    with agent_pod(control_plane) as pod:
        agent = client_of(control_plane, pod)
        assert said_to(agent, namespace, record(namespace, NODE)) == "created"
        other = said_to(agent, namespace, record(namespace, "another-node"))
    assert "ValidatingAdmissionPolicy" in other
    assert NODE in other


def test_nobody_but_agents_records_kills(control_plane: World, namespace: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        control_plane.apply(record(namespace, NODE))
    assert "ValidatingAdmissionPolicy" in refusal.value.stderr


def test_a_namespaced_score_below_the_floor_is_refused_with_field_and_floor(
    control_plane: World, namespace: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        control_plane.apply(policy(namespace, "greedy", {"app": "db"}, {"oomScoreAdj": -900}))
    assert "oomScoreAdj" in refusal.value.stderr
    assert "-500" in refusal.value.stderr


def test_a_policy_of_the_largest_size_is_taken_and_what_is_beyond_is_refused_with_the_bound(
    control_plane: World, namespace: str
) -> None:
    largest = largest_policy("largest", namespace)
    api = client.CustomObjectsApi(control_plane.api)
    api.create_namespaced_custom_object(GROUP, VERSION, namespace, "oompolicies", largest)
    everywhere = largest_policy(f"{namespace}-largest", None)
    api.create_cluster_custom_object(
        GROUP, VERSION, "clusteroompolicies", everywhere, dry_run="All"
    )
    for change, bound in (
        (lambda spec: spec["rules"][0]["containers"].append("more"), "128 globs"),
        (lambda spec: spec["rules"][0]["processes"].append(_PROCESS), "64 processes"),
        (lambda spec: spec["rules"][0].update(processes=[_LONG]), "8192 characters"),
        (lambda spec: _selector(spec)["values"].append("more"), "128 values"),
        (lambda spec: spec["podSelector"]["matchLabels"].update(more="x"), "16"),
    ):
        spec = largest_policy("larger", namespace)
        change(spec["spec"])
        with pytest.raises(client.ApiException) as refusal:
            api.create_namespaced_custom_object(GROUP, VERSION, namespace, "oompolicies", spec)
        assert bound in str(refusal.value.body)
