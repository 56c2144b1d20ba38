from datetime import UTC, datetime

from hypothesis import given
from oomwarden.core.history.unrecorded import without_record

from tests.support.any_json import any_json
from tests.support.workload_objects import ended, pod, running


def test_an_eviction_is_no_oom_kill() -> None:
    message = "The node was low on resource: memory."
    status = {"reason": "Evicted", "message": message}
    (sentence,) = without_record(pod(status=status), [], None)
    assert sentence == f"The kubelet evicted it, which is not an OOM kill: {message}"


def test_sigkill_without_a_record_was_not_the_oom_killer() -> None:
    status = {"containerStatuses": [ended("Error")]}
    events = [
        {"reason": "Pulled", "note": "image"},
        {"reason": "Unhealthy", "note": "Liveness probe failed"},
    ]
    found = without_record(pod(status=status), events, None)
    assert "SIGKILL, but not from the OOM killer as far as oomwarden knows" in found[0]
    assert found[1:] == ["Event Unhealthy: Liveness probe failed"]


def test_what_the_kubelet_calls_oom_killed_may_be_older_than_the_agent() -> None:
    killed = pod(status={"containerStatuses": [ended()]})
    started = datetime(2026, 11, 2, tzinfo=UTC)
    (sentence,) = without_record(killed, [], started)
    assert "The node's agent did not run then: it started at 2026-11-02 00:00:00 UTC." in sentence
    (unknown,) = without_record(killed, [], None)
    assert "There is no record of it" in unknown


def test_a_pod_that_runs_has_nothing_to_explain() -> None:
    healthy = pod(status={"containerStatuses": [running("app")]})
    assert without_record(healthy, [], None) == [
        "None of its containers has ended, as far as its status shows."
    ]


def test_another_exit_code_is_no_oom_kill() -> None:
    status = {"containerStatuses": [ended("Error", 1)]}
    (sentence,) = without_record(pod(status=status), [], None)
    assert sentence.endswith("which is no OOM kill.")


@given(any_json, any_json)
def test_no_pod_makes_it_raise(status: object, event: object) -> None:
    events = [event] if isinstance(event, dict) else []
    assert without_record(pod(status=status), events, None)
