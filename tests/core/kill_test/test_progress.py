import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.kill_test.progress import kills_metric, last_step, pod_progress
from oomwarden.core.kill_test.sacrifice import CONTAINER
from oomwarden.core.objects.json_parts import Manifest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def with_state(state: Manifest, **status: object) -> Manifest:
    return {
        "spec": {"nodeName": "node-1"},
        "status": {"containerStatuses": [{"name": CONTAINER, "state": state}], **status},
    }


@pytest.mark.parametrize(
    ("reason", "code", "was_killed"),
    [
        ("OOMKilled", 137, True),
        ("Error", 137, True),
        ("Error", 1, False),
        ("StartError", 128, False),
    ],
)
def test_a_kill_is_known_by_its_signal_whatever_the_runtime_calls_it(
    reason: str, code: int, *, was_killed: bool
) -> None:
    found = pod_progress(with_state({"terminated": {"reason": reason, "exitCode": code}}))
    assert found.is_ended
    assert found.was_killed is was_killed


def test_a_pod_that_cannot_be_scheduled_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                 "message": "0/3 nodes are available"}  # fmt: skip
    found = pod_progress({"status": {"conditions": [condition]}})
    assert found.node is None
    assert found.obstacle == "Unschedulable: 0/3 nodes are available"


def test_an_image_that_cannot_be_pulled_is_an_obstacle_and_creating_is_none() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "not found"}
    assert pod_progress(with_state({"waiting": waiting})).obstacle == "ImagePullBackOff: not found"
    assert pod_progress(with_state({"waiting": {"reason": "ContainerCreating"}})).obstacle is None


def test_an_evicted_pod_says_why() -> None:
    pod = {"status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}}
    assert pod_progress(pod).obstacle == "Evicted: low on memory"


def test_another_containers_end_does_not_count() -> None:
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    pod = {"status": {"containerStatuses": [{"name": "istio-proxy", "state": ended}]}}
    assert not pod_progress(pod).is_ended


@given(pod=st.dictionaries(st.sampled_from(["spec", "status", "metadata"]), JSON))
def test_no_object_makes_it_fail(pod: Manifest) -> None:
    pod_progress(pod)
    pod_progress(with_state({"terminated": pod, "waiting": pod}, **pod))


def test_the_last_line_of_the_log_is_the_last_step() -> None:
    assert last_step("1793527199.5\n1793527199.75\n") == 1793527199.75
    assert last_step("1793527199.5\nKilled\n") == 1793527199.5
    assert last_step("no such file") is None
    assert last_step("") is None


def test_the_metric_is_read_from_the_exposition_format() -> None:
    text = "# HELP oomwarden_recorded_kills_total OOM\noomwarden_recorded_kills_total 12.0\n"
    assert kills_metric(text) == 12
    assert kills_metric("oomwarden_recorded_kills_total 1e+06") == 1_000_000
    assert kills_metric("oomwarden_recorded_kills_total eee") is None
    assert kills_metric("") is None


@given(st.text())
def test_no_text_makes_the_parsers_fail(text: str) -> None:
    last_step(text)
    kills_metric(f"oomwarden_recorded_kills_total {text}")
