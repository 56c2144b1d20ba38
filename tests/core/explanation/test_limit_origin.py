import pytest
from oomwarden.core.explanation.limit_origin import limit_origin

from tests.support.facts import facts
from tests.support.kill_objects import oomkill
from tests.support.workload_objects import Object, container, owner, pod

SPEC = "spec.template.spec.containers[app].resources.limits.memory"


def test_the_limit_is_found_in_the_template_of_the_deployment() -> None:
    found = limit_origin(facts())
    assert found.set_in == f"Deployment shop/api: {SPEC}"
    assert found.sentences == ("512Mi, the memory limit of container app.",)


def test_a_limit_that_has_changed_since_is_named() -> None:
    raised = owner("Deployment", "api", containers=(container(limit="1Gi"),))
    assert limit_origin(facts(raised)).sentences[1] == "The template says 1Gi now."


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        (
            {
                "annotations": {
                    "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu, memory limit for "
                    "container app"
                }
            },
            "it is the default of the namespace's LimitRange defaults.",
        ),
        (
            {
                "annotations": {
                    "vpaUpdates": "Pod resources updated by v: container 0: memory limit"
                }
            },
            "The Vertical Pod Autoscaler set it when the pod was created.",
        ),
        (
            {
                "managedFields": [
                    {
                        "manager": "oomwarden-raise/app",
                        "subresource": "resize",
                        "fieldsV1": {
                            "f:spec": {
                                "f:containers": {
                                    'k:{"name":"app"}': {
                                        "f:resources": {"f:limits": {"f:memory": {}}}
                                    }
                                }
                            }
                        },
                    }
                ]
            },
            "OOMPolicy p (onOOM.raiseLimit) changed the pod's limit in place, to 512Mi.",
        ),
    ],
    ids=["limit-range", "vpa", "policy"],
)
def test_who_else_may_set_a_limit_is_named(metadata: Object, sentence: str) -> None:
    changed = pod()
    changed["metadata"] |= metadata
    kill = oomkill(policy={"kind": "OOMPolicy", "name": "p"})
    found = limit_origin(facts(of=kill, pod=changed, limit_ranges=["defaults"]))
    assert found.sentences[1].endswith(sentence)


def test_a_pods_limit_is_its_own_or_a_sum() -> None:
    kill = oomkill(cause="PodLimit", limit="1Gi")
    summed = limit_origin(facts(of=kill)).sentences
    assert summed[0] == "1Gi, the memory limit of the pod as a whole."
    assert summed[1] == "The pod has none of its own: it is the sum of its containers' limits."
    whole = owner("Deployment", "api")
    whole["spec"]["template"]["spec"]["resources"] = {"limits": {"memory": "1Gi"}}
    own = pod()
    own["spec"]["resources"] = {"limits": {"memory": "1Gi"}}
    found = limit_origin(facts(whole, of=kill, pod=own))
    assert found.set_in == "Deployment shop/api: spec.template.spec.resources.limits.memory"
    assert len(found.sentences) == 1


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        ("NodeOutOfMemory", "No limit: the whole machine ran out of memory."),
        ("Unknown", "It is unknown whose memory ran out."),
        ("Novel", "Novel: this version of kubectl oom does not know that cause."),
    ],
)
def test_a_kill_without_a_limit_of_the_pod_is_set_nowhere(cause: str, sentence: str) -> None:
    found = limit_origin(facts(of=oomkill(cause=cause, limit=None)))
    assert (found.set_in, found.sentences) == (None, (sentence,))
