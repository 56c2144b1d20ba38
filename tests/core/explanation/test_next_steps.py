from typing import Any

import pytest
from oomwarden.core.explanation.explain import explain
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import NextStep
from oomwarden.core.history.kill_record import read_record
from oomwarden.core.workloads.owner import OwnerObject, OwnerReference

from tests.support.facts import facts
from tests.support.kill_objects import oomkill
from tests.support.workload_objects import Object, container, owner, pod

COMMAND = "kubectl -n shop set resources deployment api -c app --limits=memory=640Mi"


def steps(known: KnownFacts) -> tuple[NextStep, ...]:
    return explain(known).next_steps


def with_pattern(name: str) -> Object:
    return oomkill(memory={"pattern": {"name": name, "evidence": "e"}})


def with_detail(**parts: str) -> Object:
    detail = {"usage": "500Mi", "anon": "1Mi", "file": "1Mi", **parts}
    return oomkill(memory={"detail": detail}, victims=[])


def test_a_limit_is_raised_by_a_quarter_of_what_was_used() -> None:
    (step,) = steps(facts())
    assert step.text == "Raise its limit to 640Mi: the limit, which it filled, plus 25 %."
    assert step.command == COMMAND
    assert step.patch["type"] == "strategic"


def test_a_leak_is_to_be_found_and_the_limit_only_gains_time() -> None:
    found = steps(facts(of=with_pattern("Leak")))
    assert "a higher limit only delays the next kill" in found[0].text
    assert found[0].command is None
    assert found[1].text.startswith("To gain time, raise its limit to 640Mi")


def test_a_limit_that_a_policy_has_raised_is_to_be_kept() -> None:
    response = {"action": "RaisedLimit", "reason": "RaisedLimit", "limit": "768Mi"}
    (step,) = steps(facts(of=oomkill(status={"response": response})))
    assert step.text == "Keep the limit of 768Mi, which lasts only as long as the pod."
    assert step.command == COMMAND.replace("640Mi", "768Mi")


def test_a_limit_that_was_raised_by_less_than_was_used_is_not_enough() -> None:
    response = {"action": "RaisedLimit", "reason": "RaisedLimit", "limit": "528Mi"}
    (step,) = steps(facts(of=oomkill(status={"response": response})))
    assert step.text == "Raise its limit to 640Mi: the limit, which it filled, plus 25 %."


@pytest.mark.parametrize("pattern", ["Spike", "Startup", "Sawtooth"])
def test_other_patterns_have_their_own_advice_before_the_limit(pattern: str) -> None:
    found = steps(facts(of=with_pattern(pattern)))
    assert (len(found), found[1].command) == (2, COMMAND)


@pytest.mark.parametrize("part", ["slab", "sock", "kernelStack", "pageTables"])
def test_memory_of_the_kernel_has_its_own_advice(part: str) -> None:
    found = steps(facts(of=with_detail(**{part: "400Mi"})))
    assert found[0].text.startswith(("Look for", "Use fewer"))


def test_a_limit_that_was_raised_again_and_again_is_not_the_answer() -> None:
    others = [
        read_record(oomkill(f"r{n}", limit=f"{n}Mi", time={"before": f"2026-10-0{n}T10:00:00Z"}))
        for n in (1, 2)
    ]
    assert steps(facts(others=others))[0].text == (
        "Find what grows: each higher limit filled up, too."
    )


def test_tmpfs_is_bounded_instead_of_raising_the_limit() -> None:
    deployment = owner("Deployment", "api")
    volume = {"name": "cache", "emptyDir": {"medium": "Memory"}}
    deployment["spec"]["template"]["spec"]["volumes"] = [volume]
    (step,) = steps(facts(deployment, of=oomkill(podMemory={"shmem": "400Mi"})))
    assert step.text.startswith("Delete files from the pod's tmpfs (400Mi)")
    assert step.command is not None
    assert '"volumes":[{"name":"cache","emptyDir":{"sizeLimit":"256Mi"}}]' in step.command


@pytest.mark.parametrize(
    ("changes", "is_offered"),
    [
        ({}, True),
        ({"container": {"name": "app", "type": "Init"}}, False),
        ({"policy": {"kind": "OOMPolicy", "name": "p"}}, False),
    ],
)
def test_what_is_killed_often_may_be_raised_automatically(
    changes: Object,
    is_offered: bool,  # noqa: FBT001 - a parameter
) -> None:
    others = [
        read_record(oomkill(f"r{n}", time={"before": f"2026-10-3{n}T10:00:00Z"}, **changes))
        for n in (0, 1)
    ]
    found = " ".join(each.text for each in steps(facts(of=oomkill(**changes), others=others)))
    assert ("onOOM.raiseLimit of an OOMPolicy" in found) is is_offered


def test_a_limit_that_is_high_enough_now_needs_no_patch() -> None:
    raised = owner("Deployment", "api", containers=(container(limit="1Gi"),))
    (step,) = steps(facts(raised))
    assert (step.text, step.command) == (
        "Its template asks for 1Gi now: wait whether that is enough.",
        None,
    )


def test_a_request_that_equals_the_limit_rises_with_it() -> None:
    resources = {"limits": {"memory": "512Mi"}, "requests": {"memory": "512Mi"}}
    guaranteed = owner("Deployment", "api", containers=(container(resources=resources),))
    (step,) = steps(facts(guaranteed))
    assert step.command == f"{COMMAND} --requests=memory=640Mi"


def test_the_pods_own_limit_is_raised_as_a_whole() -> None:
    deployment = owner("Deployment", "api")
    deployment["spec"]["template"]["spec"]["resources"] = {"limits": {"memory": "1Gi"}}
    (step,) = steps(facts(deployment, of=oomkill(cause="PodLimit", limit="1Gi")))
    assert step.text == "Raise the pod's own limit to 1280Mi: a quarter more."
    assert '{"spec":{"resources":{"limits":{"memory":"1280Mi"}}}}' in (step.command or "")


def test_a_kill_of_the_node_asks_for_a_request_and_shows_the_rank() -> None:
    kill = oomkill(cause="NodeOutOfMemory", limit=None)
    first, second = steps(facts(of=kill, pod=pod(container(limit=None))))
    assert first.text.startswith("It used 480Mi and requests nothing: request what it needs")
    assert (first.command or "").endswith("-c app --requests=memory=640Mi")
    assert second.command == "kubectl oom rank node-1"


MANAGED: dict[str, Any] = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "shop"},
}


@pytest.mark.parametrize(
    ("owners", "words"),
    [
        (
            (owner("Deployment", "api", **MANAGED),),
            "The Helm release shop reverts this unless its values change too.",
        ),
        (
            (owner("StatefulSet", "db"), owner("Database", "db") | {"spec": {}}),
            "Database db manages the StatefulSet and may revert it.",
        ),
        ((owner("ReplicaSet", "api"),), "Then delete its pods: only new ones get it."),
        (
            (owner("Job", "import", api_version="batch/v1"),),
            "A Job's template is immutable: this deletes the Job and creates it again.",
        ),
        (
            (
                owner("Job", "report-1", api_version="batch/v1"),
                owner("CronJob", "report", api_version="batch/v1"),
            ),
            "It takes effect at the next run.",
        ),
    ],
    ids=["helm", "operator", "replica-set", "job", "cron-job"],
)
def test_what_to_know_before_applying_a_patch_is_said(
    owners: tuple[Object, ...], words: str
) -> None:
    (step,) = steps(facts(*owners))
    assert step.command
    assert words in step.text


def without_command(known: KnownFacts) -> str:
    (step,) = steps(known)
    assert step.command is None
    return step.text


def test_where_no_patch_is_possible_the_place_is_named() -> None:
    database = owner("Database", "db") | {"spec": {}}
    found = without_command(facts(database, pod=None, of=oomkill(container={"name": "app"})))
    assert found.endswith(
        "Database db creates the pod: set its memory where that defines its pods."
    )
    mesh = facts(pod=pod(container("mesh")), of=oomkill(container={"name": "mesh"}))
    assert "Deployment api does not have the container: something adds it" in without_command(mesh)
    assert "Deployment api created the pod" in without_command(facts(owners=[]))
    solo = oomkill(pod={"name": "solo", "uid": "u"})
    gone = without_command(facts(of=solo, pod=None, owners=[]))
    assert gone.endswith("The pod is gone and had no owner: set the limit where it comes from.")


def changed(**parts: Any) -> Object:  # noqa: ANN401 - JSON
    """Return a pod without an owner, with parts of it changed."""
    found = pod()
    del found["metadata"]["ownerReferences"]
    for key, part in parts.items():
        found[key] = found[key] | part
    return found


def test_a_pod_that_cannot_change_has_to_be_created_again() -> None:
    static = changed(metadata={"annotations": {"kubernetes.io/config.mirror": "x"}})
    assert "It is a static pod" in without_command(facts(owners=[], pod=static))
    ended = changed(status={"phase": "Failed"})
    assert "create it again with another limit" in without_command(facts(owners=[], pod=ended))
    init = changed(spec={"initContainers": [container("setup")]})
    kill = oomkill(container={"name": "setup", "type": "Init"})
    assert "Limits of init containers" in without_command(facts(owners=[], pod=init, of=kill))


def test_an_owner_that_may_not_be_read_gets_a_patch_from_its_kind() -> None:
    unread = OwnerObject(OwnerReference("apps/v1", "StatefulSet", "db"), "statefulsets")
    (step,) = steps(facts(owners=[unread], pod=None))
    assert (step.command or "").startswith("kubectl -n shop set resources statefulset db -c app")
    rollout = OwnerReference("argoproj.io/v1alpha1", "Rollout", "api")
    (step,) = steps(facts(owners=[OwnerObject(rollout, "rollouts.argoproj.io")]))
    assert '"op":"test","path":"/spec/template/spec/containers/1/name"' in (step.command or "")
    assert "the patch fails if the index is wrong" in step.text
