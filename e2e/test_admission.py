"""The API server refuses what agents have no business with, and too low scores."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.records.metadata import labels_of, name_of
from oomwarden.kube import oomnodes
from oomwarden.kube.oomkill_writer import Delivery, deliver
from oomwarden.kube.transport.client import connect

from e2e.agent_account import (
    NODE,
    agent_pod,
    agents_kubeconfig,
    client_of,
    record,
    token_of,
)
from e2e.chart import rendered
from e2e.workloads import policy
from e2e.world import GROUP, NAMESPACE, VERSION, World, eventually

pytestmark = pytest.mark.usefixtures("definitions")


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


LONG_NODE = f"worker-0.{'.'.join(['a' * 20] * 6)}.example.com"
SOMEBODY = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
BESIDE: dict[str, tuple[dict[str, object], str]] = {
    "another-pods-uid": ({"labels": {"oomwarden.io/pod-uid": "another"}}, "must be its pod.uid"),
    "another-cause": ({"labels": {"oomwarden.io/cause": "PodLimit"}}, "and its cause"),
    "another-node": (
        {"labels": {"oomwarden.io/node": "another"}},
        "only write OOMKills of its own node",
    ),
    "a-label": ({"labels": {"app": "db"}}, "labels other than its own"),
    "an-annotation": ({"annotations": {"a": "b" * 9999}}, "may not set annotations"),
    "a-finalizer": ({"finalizers": ["a.example/b"]}, "annotations, finalizers"),
    "an-owner": ({"ownerReferences": [SOMEBODY]}, "owners other than the Node"),
    "any-name": ({"name": None, "generateName": "x-"}, "finalizers, generateName"),
}


@pytest.mark.parametrize(("metadata", "sentence"), BESIDE.values(), ids=BESIDE)
def test_an_agent_writes_nothing_beside_what_a_record_has(
    control_plane: World, namespace: str, metadata: dict[str, object], sentence: str
) -> None:
    manifest = record(namespace, NODE)
    changed = manifest["metadata"] | metadata
    manifest["metadata"] = {key: value for key, value in changed.items() if value is not None}
    with agent_pod(control_plane) as pod:
        assert sentence in said_to(client_of(control_plane, pod), namespace, manifest)


def event(namespace: str, node: str, **facts: object) -> dict[str, Any]:
    """Give an Event as an agent on this node writes it."""
    whole: dict[str, Any] = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "p-0a1b2c3d", "namespace": namespace},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "type": "Warning",
        "reason": "OOMKilled",
        "action": "Killed",
        "reportingController": "oomwarden.io/agent",
        "reportingInstance": node,
        "regarding": {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"},
    } | facts
    return whole | {"regarding": whole["regarding"] | {"namespace": namespace}}


BAD_EVENTS: dict[str, tuple[dict[str, object], str]] = {
    "another-node": ({"reportingInstance": "another"}, "its own Events only"),
    "another-reporter": ({"reportingController": "kubelet"}, "its own Events only"),
    "another-reason": ({"reason": "Evicted"}, "a Warning about an OOM kill"),
    "no-warning": ({"type": "Normal"}, "a Warning about an OOM kill"),
    "nothing-named": ({"regarding": {"kind": "Pod"}}, "regarding a Pod, with its uid"),
    "related": ({"related": SOMEBODY}, "without a related object"),
}


@pytest.mark.parametrize(("facts", "sentence"), BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_an_agent_writes_events_of_oom_kills_of_its_own_only(
    control_plane: World, namespace: str, facts: dict[str, object], sentence: str
) -> None:
    with agent_pod(control_plane) as pod:
        api = client.CustomObjectsApi(client_of(control_plane, pod))
        told = event(namespace, NODE, **facts)
        with pytest.raises(client.ApiException) as refusal:
            api.create_namespaced_custom_object("events.k8s.io", "v1", namespace, "events", told)
    assert sentence in str(refusal.value.body)


def test_an_agent_adds_nothing_to_the_metadata_of_an_event(
    control_plane: World, namespace: str
) -> None:
    with agent_pod(control_plane) as pod:
        api = client.CustomObjectsApi(client_of(control_plane, pod))
        where = ("events.k8s.io", "v1", namespace, "events")
        told = api.create_namespaced_custom_object(*where, event(namespace, NODE))
        series = {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}}
        api.patch_namespaced_custom_object(*where, told["metadata"]["name"], series)
        for added in (
            {"annotations": {"a": "b" * 9999}},
            {"labels": {"app": "db"}},
            {"finalizers": ["a.example/b"]},
            {"ownerReferences": [SOMEBODY]},
        ):
            with pytest.raises(client.ApiException) as refusal:
                api.patch_namespaced_custom_object(
                    *where, told["metadata"]["name"], {"metadata": added}
                )
            assert "may not change annotations" in str(refusal.value.body)


def told_as(
    world: World, node: str, kubeconfig: Path, *whats: dict[str, Any] | EventSeries
) -> list[Delivery]:
    """Let the agent of a node post records and Events; give what became of them."""

    async def post() -> list[Delivery]:
        api = connect()
        try:
            return [await deliver(api, what) for what in whats]
        finally:
            await api.close()

    with agent_pod(world, node) as pod:
        (kubeconfig / "token").write_text(token_of(world, pod))
        agents_kubeconfig(world, kubeconfig)
        return asyncio.run(post())


def test_what_another_node_wrote_under_our_names_silences_neither_record_nor_event(
    control_plane: World, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    ours, theirs = record(namespace, NODE), record(namespace, "another-node")
    told, squat = event(namespace, NODE), event(namespace, "another-node")
    first = EventSeries(told, told, 1)
    squatted = (theirs, EventSeries(squat, squat, 1))
    assert told_as(control_plane, "another-node", tmp_path, *squatted) == [Delivery()] * 2
    taken = told_as(control_plane, NODE, tmp_path, ours, first)
    assert [answer.name_taken_by for answer in taken] == [
        f"OOMKill {namespace}/forged-0a1b2c3d, written for node another-node",
        f"Event {namespace}/p-0a1b2c3d",
    ]
    ours["metadata"]["name"] = name_of(ours, "salt")
    again = (ours, first.under("salt"))
    for _ in range(2):  # what has been told is recognised
        assert told_as(control_plane, NODE, tmp_path, *again) == [Delivery()] * 2


def test_a_node_whose_name_is_no_label_has_its_kills_recorded_told_and_found(
    control_plane: World, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    kill, told = record(namespace, LONG_NODE), event(namespace, LONG_NODE[:128])
    kill["metadata"]["labels"] = labels_of(kill)
    what = (kill, EventSeries(told, told, 1))
    assert told_as(control_plane, LONG_NODE, tmp_path, *what) == [Delivery()] * 2

    async def found() -> int:
        api = connect()
        try:
            return (await oomnodes.list_recorded_ranges(api, LONG_NODE, "b", NAMESPACE)).total
        finally:
            await api.close()

    with agent_pod(control_plane, LONG_NODE) as pod:
        (tmp_path / "token").write_text(token_of(control_plane, pod))
        assert asyncio.run(found()) == 1


@pytest.fixture
def own_pods_only(control_plane: World) -> Iterator[None]:
    """Give the API server the policy that is off by default."""
    names = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    found = [
        document
        for document in rendered("agent.ownPodsOnly=true", namespace=NAMESPACE)
        if document["kind"] in names and document["metadata"]["name"].endswith("own-pods")
    ]
    for document in found:
        control_plane.apply(document)
    yield
    for document in found:
        control_plane.cluster.kubectl("delete", document["kind"], document["metadata"]["name"])


@pytest.mark.usefixtures("own_pods_only")
def test_where_the_chart_says_so_an_agent_writes_of_pods_of_its_own_node_only(
    control_plane: World,
) -> None:
    ours, theirs = record(NAMESPACE, NODE), record(NAMESPACE, NODE)
    with agent_pod(control_plane) as pod, agent_pod(control_plane, "another-node") as other:
        ours["pod"], theirs["pod"] = (
            {"name": each.metadata.name, "uid": each.metadata.uid} for each in (pod, other)
        )
        agent = client_of(control_plane, pod)

        def is_refused() -> bool:
            """The API server has taken up the policy."""
            return "only write about pods of its own node" in said_to(agent, NAMESPACE, theirs)

        eventually(is_refused, 30)
        assert said_to(agent, NAMESPACE, ours) == "created"
        assert said_to(agent, NAMESPACE, record(NAMESPACE, NODE)) == "created", "a pod that is gone"


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
