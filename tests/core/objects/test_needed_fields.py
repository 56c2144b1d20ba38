"""The kept fields of a Pod lead to the same facts, and are small for any Pod."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.objects.needed_fields import (
    MAX_CONTAINERS,
    MAX_LABEL_BYTES,
    namespace_labels,
    pod_fields,
)
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.records.misreport import terminations

NAMES = st.sampled_from(["app", "db", "setup", "proxy"])
AMOUNTS = st.sampled_from(["1", "64Mi", "512Mi", "1Gi"])
STAMP = "2026-01-02T03:04:05Z"
RESOURCES = st.fixed_dictionaries(
    {},
    optional={
        key: st.dictionaries(st.sampled_from(["memory", "cpu", "gpu.org/a"]), AMOUNTS)
        for key in ("limits", "requests")
    },
)
ENDED = st.fixed_dictionaries(
    {"containerID": st.sampled_from(["cri-o://a", "cri-o://b"]), "exitCode": st.just(137)},
    optional={
        "reason": st.sampled_from(["Error", "OOMKilled"]), "finishedAt": st.just(STAMP),
        "message": st.text(),
    },
)  # fmt: skip
STATE = st.one_of(
    st.just({"running": {"startedAt": STAMP}}),
    st.just({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}),
    st.fixed_dictionaries({"terminated": ENDED}),
)
CONTAINER = st.fixed_dictionaries(
    {"name": NAMES, "image": st.just("x"), "env": st.just([{"name": "A", "value": "b"}])},
    optional={
        "resources": RESOURCES,
        "restartPolicy": st.just("Always"),
        "resizePolicy": st.just([{"resourceName": "memory", "restartPolicy": "RestartContainer"}]),
    },
)
STATUS = st.fixed_dictionaries(
    {"name": NAMES, "imageID": st.just("sha256:0"), "state": STATE},
    optional={
        "containerID": st.just("containerd://c"), "lastState": STATE, "resources": RESOURCES,
        "allocatedResources": st.dictionaries(st.just("memory"), AMOUNTS),
    },
)  # fmt: skip


def owned(name: str) -> dict[str, Any]:
    memory: dict[str, Any] = {"f:resources": {"f:limits": {"f:memory": {}, "f:cpu": {}}}}
    return {"f:spec": {"f:containers": {f'k:{{"name":"{name}"}}': memory}}}


WRITER = st.fixed_dictionaries(
    {"manager": st.sampled_from(["kubectl", "oomwarden-limit/app/1", "vpa"])},
    optional={
        "operation": st.sampled_from(["Update", "Apply"]), "time": st.just(STAMP),
        "subresource": st.sampled_from(["resize", "status"]), "fieldsV1": NAMES.map(owned),
    },
)  # fmt: skip
METADATA = st.fixed_dictionaries(
    {"name": st.just("p"), "namespace": st.just("shop"), "uid": st.just("u"),
     "resourceVersion": st.just("7")},
    optional={
        "labels": st.dictionaries(NAMES, st.text(max_size=5)),
        "annotations": st.dictionaries(
            st.sampled_from(["kubernetes.io/config.mirror", "kubernetes.io/config.hash", "x"]),
            st.text(max_size=5),
        ),
        "ownerReferences": st.lists(st.fixed_dictionaries(
            {"kind": st.just("ReplicaSet"), "name": st.just("web-1"), "controller": st.booleans()}
        )),
        "managedFields": st.lists(WRITER, max_size=5),
        "deletionTimestamp": st.just(STAMP), "creationTimestamp": st.just(STAMP),
    },
)  # fmt: skip
UNIQUE: dict[str, Any] = {"max_size": 3, "unique_by": lambda each: each["name"]}
PODS = st.fixed_dictionaries({
    "metadata": METADATA,
    "spec": st.fixed_dictionaries(
        {"containers": st.lists(CONTAINER, **UNIQUE), "volumes": st.just([{"name": "v"}])},
        optional={
            "initContainers": st.lists(CONTAINER, **UNIQUE),
            "ephemeralContainers": st.lists(CONTAINER, **UNIQUE),
            "priorityClassName": st.just("high"), "resources": RESOURCES,
        },
    ),
    "status": st.fixed_dictionaries({}, optional={
        "phase": st.sampled_from(["Pending", "Running"]),
        "qosClass": st.sampled_from(["Burstable", "Guaranteed"]),
        "conditions": st.lists(st.fixed_dictionaries({
            "type": st.sampled_from(["Ready", "PodResizePending", "PodResizeInProgress"]),
            "status": st.sampled_from(["True", "False"]),
            "reason": st.just("Deferred"), "message": st.just("later"),
        }), max_size=3),
        **{f"{kind}Statuses": st.lists(STATUS, **UNIQUE)
           for kind in ("container", "initContainer", "ephemeralContainer")},
    }),
})  # fmt: skip


@given(PODS)
def test_the_kept_fields_of_a_pod_lead_to_the_same_facts(pod: dict[str, Any]) -> None:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        names = {each["name"] for each in pod["spec"].get(key, ())}
        statuses = pod["status"].get(f"{key[:-1]}Statuses", [])
        statuses[:] = [each for each in statuses if each["name"] in names]
    kept = pod_fields(pod)
    assert pod_facts(kept) == pod_facts(pod)
    assert list(terminations(kept)) == list(terminations(pod))
    assert kept["metadata"]["resourceVersion"] == "7"
    assert "cut" not in kept
    assert pod_fields(kept) == kept


SHAPELESS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "spec",
                    "status",
                    "name",
                    "labels",
                    "containers",
                    "containerStatuses",
                    "managedFields",
                    "fieldsV1",
                    "f:spec",
                    "f:containers",
                    "subresource",
                    "resources",
                    "limits",
                    "state",
                    "terminated",
                    "conditions",
                    "ownerReferences",
                    "resizePolicy",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), SHAPELESS))
def test_a_malformed_part_does_not_affect_the_others(pod: dict[str, Any]) -> None:
    assert isinstance(pod_fields(pod)["metadata"], dict)
    assert isinstance(namespace_labels(pod)["metadata"]["labels"], dict)


def large(**parts: Any) -> dict[str, Any]:  # noqa: ANN401
    metadata = {"name": "p", "namespace": "shop", "uid": "u", "annotations": {"x": "y" * 250_000}}
    whole = {"metadata": metadata, "spec": {"containers": [{"name": "app"}]}, "status": {}}
    return {**whole, **parts}


def many(count: int) -> dict[str, Any]:
    containers = [{"name": f"c{n}", "image": "x", "args": ["y" * 100]} for n in range(count)]
    statuses = [{"name": f"c{n}", "state": {"running": {}}} for n in range(count)]
    return large(spec={"containers": containers}, status={"containerStatuses": statuses})


def labelled(count: int, phase: str = "Running") -> dict[str, Any]:
    labels = {f"tenant.example/label-{n:05}": "x" * 63 for n in range(count)}
    metadata = {"name": "p", "namespace": "shop", "uid": "u", "labels": labels}
    running = {"phase": phase, "containerStatuses": [{"name": "app"}]}
    return large(metadata=metadata, status=running)


@pytest.mark.parametrize(
    ("pod", "most", "cut"),
    [
        (large(), 1_000, None),
        (many(9_000), 64_000, f"{9_000 - MAX_CONTAINERS} of 9000 containers"),
        (labelled(9_000), MAX_LABEL_BYTES * 2, "8816 of 9000 labels"),
        (labelled(9_000, "Failed"), 5_000, "8977 of 9000 labels"),
    ],
)
def test_a_pod_of_any_size_is_kept_small_and_names_what_was_left_out(
    pod: dict[str, Any], most: int, cut: str | None
) -> None:
    kept = pod_fields(pod)
    assert len(json.dumps(kept)) < most
    assert kept.get("cut") == cut


def test_only_the_name_of_a_rejected_pod_is_kept() -> None:
    pod = many(9_000) | {"status": {"phase": "Failed", "reason": "OutOfcpu"}}
    kept = pod_fields(pod)
    assert len(json.dumps(kept)) < 300
    assert "cut" not in kept
    assert pod_facts(kept).name == "p"


def test_other_writers_of_a_limit_are_kept_among_any_number_of_entries() -> None:
    others = [
        {"manager": f"m{n}", "operation": "Apply", "fieldsV1": {"f:x": {}}} for n in range(900)
    ]
    vpa = {
        "manager": "vpa",
        "operation": "Update",
        "subresource": "resize",
        "fieldsV1": owned("app"),
    }
    metadata = {"name": "p", "namespace": "shop", "uid": "u", "managedFields": [*others, vpa]}
    (app,) = pod_facts(pod_fields(large(metadata=metadata))).containers
    assert app.spec.last_writer == "vpa"


def test_the_labels_of_a_namespace_are_kept() -> None:
    metadata = {"name": "shop", "resourceVersion": "7", "annotations": {"x": "y" * 9000}}
    kept = namespace_labels({"metadata": metadata | {"labels": {"a": "b"}}, "spec": {}})
    assert kept == {"metadata": {"name": "shop", "resourceVersion": "7", "labels": {"a": "b"}}}
