"""Checks of objects that contain anything: nothing raises, and nothing bad is called good."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.diagnosis import enforcement, installation
from oomwarden.core.diagnosis.check import Result
from oomwarden.core.diagnosis.definitions import definitions_check
from oomwarden.core.diagnosis.node_view import read_node
from oomwarden.core.diagnosis.nodes import Fleet, node_checks
from oomwarden.core.diagnosis.pods import by_node, is_ready, why_not_ready
from oomwarden.core.diagnosis.scheduling import why_excluded

NOW = datetime(2026, 11, 1, tzinfo=UTC)
KEYS = st.sampled_from([
    "metadata", "name", "namespace", "labels", "spec", "status", "conditions", "type", "reason",
    "message", "containerStatuses", "state", "lastState", "waiting", "terminated", "exitCode",
    "taints", "tolerations", "key", "value", "effect", "operator", "template", "nodeSelector",
    "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "values",
    "nodeSelectorTerms", "matchFields", "data", "mode", "pressure.json", "conditions.json",
    "renewed", "policyName", "validationActions", "components", "schemas", "properties", "items",
    "additionalProperties", "x-kubernetes-group-version-kind", "kind", "refused", "nodeInfo",
    "kubeletVersion", "availableReplicas", "replicas", "deletionTimestamp",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just("False"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=6)
Any_ = dict[str, Any]


@given(OBJECTS, OBJECTS)
def test_checks_of_the_installation_never_raise(one: Any_, other: Any_) -> None:
    assert installation.api_server(one).result != Result.OK
    assert installation.admission([one], [other]).result == Result.FAIL
    assert installation.operator(one, [other], "n").message
    assert installation.mode(one, "n").message
    assert installation.pod_security(one, "n").message
    assert enforcement.records(one, NOW).message
    assert enforcement.policies([one, other]).message
    enforcement.objects_understood(one)
    assert definitions_check(one).result == Result.FAIL


@given(OBJECTS, OBJECTS, OBJECTS)
def test_checks_of_nodes_never_raise(node: Any_, pod: Any_, daemon_set: Any_) -> None:
    why_excluded(node, daemon_set)
    assert why_not_ready(pod) or is_ready(pod)
    agents = by_node([pod])
    fleet = Fleet({"n": node}, agents, {"n": read_node(node)}, daemon_set, "oomwarden", None)
    assert all(each.message for each in node_checks(fleet, NOW))


@given(JSON)
def test_a_part_of_another_type_is_read_as_missing(part: object) -> None:
    admitted = {"spec": {"policyName": part, "validationActions": part}}
    assert installation.admission([], [admitted]).result == Result.FAIL
    place = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": part}}}
    assert installation.pod_security(place, "n").result == Result.OK
    taint = {"effect": part, "key": part, "value": part}
    node = {"metadata": {"labels": {"kubernetes.io/os": part}}, "spec": {"taints": [taint]}}
    assert why_excluded(node, {"spec": {"template": {"spec": {"tolerations": [taint]}}}}) is None
    policy = {"metadata": part, "status": {"refused": part, "conditions": [{"type": part}]}}
    assert enforcement.policies([policy]).message


def test_a_pending_pod_belongs_to_the_node_that_its_affinity_names() -> None:
    terms = [{"matchFields": [{"key": "metadata.name", "values": ["node-1"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    pod = {"spec": {"affinity": {"nodeAffinity": required}}}
    assert by_node([pod]) == {"node-1": pod}


def test_a_ready_pod_hides_one_that_terminates_on_the_same_node() -> None:
    spec = {"nodeName": "node-1"}
    ready = {"spec": spec, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    going = {"spec": spec, "metadata": {"deletionTimestamp": "2026-11-01T00:00:00Z"}}
    assert by_node([ready, going]) == {"node-1": ready}
