import pytest
from oomwarden.core.explanation.kubelet_report import kubelet_report

from tests.support.facts import facts
from tests.support.kill_objects import oomkill
from tests.support.workload_objects import ID, Object, ended, pod, running


def with_status(status: Object) -> Object:
    return pod(status={"qosClass": "Burstable", "containerStatuses": [status]})


@pytest.mark.parametrize(
    ("status", "group_kill", "verdict", "words"),
    [
        (ended(), True, "Right", "OOMKilled (exit code 137), which is right."),
        (ended("Error"), True, "Wrong", "Error (exit code 137), which is wrong"),
        (ended("Error", 1), True, "Wrong", "Error (exit code 1), which is wrong"),
        (ended("Error"), False, "Wrong", "Error (exit code 137), which is wrong"),
        (ended("Completed", 0), False, "Silent", "for another reason"),
        (ended("Error", at="2026-11-01T10:05:00Z"), False, "Silent", "for another reason"),
        (
            running("app") | {"containerID": f"containerd://{ID}"},
            False,
            "Silent",
            "Nothing: the container's first process lived",
        ),
        (
            running("app") | {"restartCount": 3, "containerID": "containerd://other"},
            True,
            "Silent",
            "the container has restarted 3 times",
        ),
        (ended("StartError", 128), False, "Wrong", "the container could not start because of it"),
        (running("another"), True, "Silent", "does not have the container"),
    ],
)
def test_what_the_kubelet_says_is_judged(
    status: Object,
    group_kill: bool,  # noqa: FBT001 - a parameter
    verdict: str,
    words: str,
) -> None:
    found = kubelet_report(facts(of=oomkill(groupKill=group_kill), pod=with_status(status)))
    assert found.verdict == verdict
    assert words in found.sentences[0]


def test_another_container_that_is_called_oom_killed_is_named() -> None:
    statuses = [ended("Error"), ended(name="proxy")]
    killed = pod(status={"containerStatuses": statuses})
    found = kubelet_report(facts(pod=killed)).sentences
    assert found[1] == "It also says OOMKilled of container proxy."


def test_without_the_pod_the_kubelets_word_is_unknown() -> None:
    gone = kubelet_report(facts(pod=None, is_pod_gone=True))
    assert gone.sentences == ("Unknown: the pod is gone, and its status with it.",)
    assert kubelet_report(facts(pod=None)).verdict == "Unknown"
