"""Admission policies limit agents to their own records and Events, and policies to a floor."""

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
    agent_client,
    agent_pod,
    agents_kubeconfig,
    record,
    token_of,
)
from e2e.chart import rendered
from e2e.workloads import policy
from e2e.world import GROUP, NAMESPACE, VERSION, World, eventually

pytestmark = pytest.mark.usefixtures("definitions")


def try_create(agent: client.ApiClient, namespace: str, manifest: dict[str, object]) -> str:
    """Create an OOMKill as an agent, as a dry run; return the refusal, or "created"."""
    api = client.CustomObjectsApi(agent)
    try:
        api.create_namespaced_custom_object(
            GROUP, VERSION, namespace, "oomkills", manifest, dry_run="All"
        )
    except client.ApiException as error:
        return str(error.body)
    return "created"


def test_an_agent_may_only_record_kills_of_its_own_node(
    control_plane: World, namespace: str
) -> None:
    with agent_pod(control_plane) as pod:
        agent = agent_client(control_plane, pod)
        assert try_create(agent, namespace, record(namespace, NODE)) == "created"
        other = try_create(agent, namespace, record(namespace, "another-node"))
    assert "ValidatingAdmissionPolicy" in other
    assert NODE in other


LONG_NODE = f"worker-0.{'.'.join(['a' * 20] * 6)}.example.com"
OTHER_OBJECT = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
EXTRA_METADATA: dict[str, tuple[dict[str, object], str]] = {
    "another-pods-uid": ({"labels": {"oomwarden.io/pod-uid": "another"}}, "must be its pod.uid"),
    "another-cause": ({"labels": {"oomwarden.io/cause": "PodLimit"}}, "and its cause"),
    "another-node": ({"labels": {"oomwarden.io/node": "another"}}, "OOMKills of its own node"),
    "a-label": ({"labels": {"app": "db"}}, "labels other than its own"),
    "an-annotation": ({"annotations": {"a": "b" * 9999}}, "may not set annotations"),
    "a-finalizer": ({"finalizers": ["a.example/b"]}, "annotations, finalizers"),
    "an-owner": ({"ownerReferences": [OTHER_OBJECT]}, "owners other than the Node"),
    "any-name": ({"name": None, "generateName": "x-"}, "finalizers, generateName"),
}


@pytest.mark.parametrize(("metadata", "sentence"), EXTRA_METADATA.values(), ids=EXTRA_METADATA)
def test_an_agent_cannot_add_metadata_to_a_record(
    control_plane: World, namespace: str, metadata: dict[str, object], sentence: str
) -> None:
    manifest = record(namespace, NODE)
    changed = manifest["metadata"] | metadata
    manifest["metadata"] = {key: value for key, value in changed.items() if value is not None}
    with agent_pod(control_plane) as pod:
        assert sentence in try_create(agent_client(control_plane, pod), namespace, manifest)


def event(namespace: str, node: str, **facts: object) -> dict[str, Any]:
    """Return an Event as an agent on this node creates it."""
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
    "action-of-a-kill": ({"reason": "MemoryLimitHit"}, "about memory before one"),
    "no-warning": ({"type": "Normal"}, "a Warning about an OOM kill"),
    "nothing-named": ({"regarding": {"kind": "Pod"}}, "regarding a Pod, with its uid"),
    "related": ({"related": OTHER_OBJECT}, "without a related object"),
}


@pytest.mark.parametrize(("facts", "sentence"), BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_an_agent_may_only_create_its_own_oom_kill_events(
    control_plane: World, namespace: str, facts: dict[str, object], sentence: str
) -> None:
    with agent_pod(control_plane) as pod:
        api = client.CustomObjectsApi(agent_client(control_plane, pod))
        manifest = event(namespace, NODE, **facts)
        with pytest.raises(client.ApiException) as refusal:
            api.create_namespaced_custom_object(
                "events.k8s.io", "v1", namespace, "events", manifest
            )
    assert sentence in str(refusal.value.body)


def test_an_agent_cannot_add_metadata_to_an_event(control_plane: World, namespace: str) -> None:
    with agent_pod(control_plane) as pod:
        api = client.CustomObjectsApi(agent_client(control_plane, pod))
        where = ("events.k8s.io", "v1", namespace, "events")
        early = event(namespace, NODE, reason="MemoryLimitHit", action="Observed")
        stored = api.create_namespaced_custom_object(*where, early)
        series = {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}}
        api.patch_namespaced_custom_object(*where, stored["metadata"]["name"], series)
        for added in (
            {"annotations": {"a": "b" * 9999}},
            {"labels": {"app": "db"}},
            {"finalizers": ["a.example/b"]},
            {"ownerReferences": [OTHER_OBJECT]},
        ):
            with pytest.raises(client.ApiException) as refusal:
                api.patch_namespaced_custom_object(
                    *where, stored["metadata"]["name"], {"metadata": added}
                )
            assert "may not change annotations" in str(refusal.value.body)


def deliver_as(
    world: World, node: str, kubeconfig: Path, *items: dict[str, Any] | EventSeries
) -> list[Delivery]:
    """Deliver records and Events as the agent of a node, and return the results."""

    async def post() -> list[Delivery]:
        api = connect()
        try:
            return [await deliver(api, item) for item in items]
        finally:
            await api.aclose()

    with agent_pod(world, node) as pod:
        (kubeconfig / "token").write_text(token_of(world, pod))
        agents_kubeconfig(world, kubeconfig)
        return asyncio.run(post())


def test_a_name_that_another_node_has_used_blocks_neither_record_nor_event(
    control_plane: World, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    own, foreign = record(namespace, NODE), record(namespace, "another-node")
    own_event, foreign_event = event(namespace, NODE), event(namespace, "another-node")
    first = EventSeries(own_event, own_event, 1)
    foreign_objects = (foreign, EventSeries(foreign_event, foreign_event, 1))
    assert deliver_as(control_plane, "another-node", tmp_path, *foreign_objects) == [Delivery()] * 2
    name_conflicts = deliver_as(control_plane, NODE, tmp_path, own, first)
    assert [answer.name_taken_by for answer in name_conflicts] == [
        f"OOMKill {namespace}/forged-0a1b2c3d, written for node another-node",
        f"Event {namespace}/p-0a1b2c3d",
    ]
    own["metadata"]["name"] = name_of(own, "salt")
    again = (own, first.with_salt("salt"))
    for _ in range(2):  # what is already delivered is recognised
        assert deliver_as(control_plane, NODE, tmp_path, *again) == [Delivery()] * 2


def test_kills_of_a_node_whose_name_is_no_valid_label_are_recorded_posted_and_found(
    control_plane: World, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    kill, posted = record(namespace, LONG_NODE), event(namespace, LONG_NODE[:128])
    kill["metadata"]["labels"] = labels_of(kill)
    what = (kill, EventSeries(posted, posted, 1))
    assert deliver_as(control_plane, LONG_NODE, tmp_path, *what) == [Delivery()] * 2

    async def found() -> int:
        api = connect()
        try:
            return (await oomnodes.list_recorded_ranges(api, LONG_NODE, "b", NAMESPACE)).total
        finally:
            await api.aclose()

    with agent_pod(control_plane, LONG_NODE) as pod:
        (tmp_path / "token").write_text(token_of(control_plane, pod))
        assert asyncio.run(found()) == 1


@pytest.fixture
def own_pods_only(control_plane: World) -> Iterator[None]:
    """Install the admission policy that is off by default."""
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
def test_with_own_pods_only_an_agent_may_only_record_kills_of_pods_on_its_node(
    control_plane: World,
) -> None:
    own, foreign = record(NAMESPACE, NODE), record(NAMESPACE, NODE)
    with agent_pod(control_plane) as pod, agent_pod(control_plane, "another-node") as other:
        own["pod"], foreign["pod"] = (
            {"name": each.metadata.name, "uid": each.metadata.uid} for each in (pod, other)
        )
        agent = agent_client(control_plane, pod)

        def is_refused() -> bool:
            """The API server enforces the policy."""
            return "only write about pods of its own node" in try_create(agent, NAMESPACE, foreign)

        eventually(is_refused, 30)
        assert try_create(agent, NAMESPACE, own) == "created"
        assert try_create(agent, NAMESPACE, record(NAMESPACE, NODE)) == "created", "a deleted pod"


def test_only_agents_may_record_kills(control_plane: World, namespace: str) -> None:
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
