from dataclasses import replace

import pytest
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.oomlimit import Step
from oomwarden.api.policy import QOSClass
from oomwarden.core.limits.desired_limit import (
    LimitContext,
    LimitDecision,
    ResizeRequest,
    evaluate_limit,
    is_to_go_back,
    planned,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts, ResizeTrouble
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.policy.policy import Policy

from tests.support.resized import MI, container, limiting, ours, pod, won

ENFORCE = EnforcementMode.ENFORCE
ASK = ResizeRequest(1024 * MI, "OOMPolicy shop/protect")


def judged(
    one: ContainerFacts,
    by: Policy | None = None,
    switch: EnforcementMode | None = ENFORCE,
    usage: int | None = None,
    in_pod: PodFacts | None = None,
) -> LimitDecision:
    used = None if usage is None else usage * MI
    match = won(by) if by else None
    return evaluate_limit(LimitContext(in_pod or pod(one), one, used), match, switch)


def requesting(one: ContainerFacts, request: int) -> ContainerFacts:
    return replace(one, spec=replace(one.spec, request=request * MI))


def reasons(found: LimitDecision) -> list[str]:
    return [remark.reason for remark in found.part.remarks]


def test_a_limit_that_differs_is_asked_of_the_operator_and_said_to_be() -> None:
    found = judged(container(512), limiting(1024))
    assert (found.ask, found.part.in_force, reasons(found)) == (ASK, False, ["ResizeAsked"])


def test_a_limit_that_the_container_has_is_in_force() -> None:
    found = judged(container(1024), limiting(1024))
    assert (found.ask, found.part.in_force, reasons(found)) == (None, True, [])


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (ResizeTrouble("Infeasible", "static policy"), "Infeasible"),
        (ResizeTrouble("Deferred", "no room"), "Deferred"),
        (ResizeTrouble("Error", "below current usage"), "ResizeError"),
        (ResizeTrouble("InProgress"), "ResizeInProgress"),
        (ResizeTrouble(), "ResizeInProgress"),
    ],
)
def test_what_the_kubelet_says_of_a_limit_that_was_set_is_told(
    trouble: ResizeTrouble, reason: str
) -> None:
    one = container(1024, now=512)
    found = judged(one, limiting(1024), in_pod=pod(one, resize=trouble))
    assert (found.ask, found.part.in_force, reasons(found)) == (None, False, [reason])
    assert trouble.message in found.part.remarks[0].message


def test_a_limit_below_what_is_used_waits_until_less_is_used() -> None:
    small = limiting(256)
    found = judged(container(512), small, usage=300)
    assert (found.ask, reasons(found)) == (None, ["BelowUsage"])
    assert "300Mi" in found.part.remarks[0].message
    assert judged(container(512), small, usage=255).ask == ResizeRequest(256 * MI, str(small))
    assert judged(container(None), small, usage=300).ask is None, "a first limit shrinks too"


def test_a_set_limit_that_use_has_outgrown_meanwhile_is_told_in_the_same_words() -> None:
    one = container(256, now=512)
    error = ResizeTrouble("Error", "attempting to set limit below current usage")
    assert reasons(judged(one, limiting(256), usage=300, in_pod=pod(one, resize=error))) == [
        "BelowUsage"
    ]
    assert reasons(judged(one, limiting(256), usage=200, in_pod=pod(one, resize=error))) == [
        "ResizeError"
    ]


def test_growing_is_asked_for_whatever_is_used() -> None:
    assert judged(container(512), limiting(1024), usage=2000).ask == ASK


@pytest.mark.parametrize("kind", [ContainerType.INIT, ContainerType.EPHEMERAL])
def test_init_and_ephemeral_containers_are_not_asked_for(kind: ContainerType) -> None:
    found = judged(container(kind=kind), limiting())
    assert (found.ask, reasons(found)) == (None, ["NotResizable"])


def test_sidecars_are_asked_for() -> None:
    assert judged(container(kind=ContainerType.SIDECAR), limiting()).ask == ASK


def test_a_static_pods_limit_is_in_its_manifest() -> None:
    one = container()
    found = judged(one, limiting(), in_pod=pod(one, cgroup_uid="hash"))
    assert (found.ask, reasons(found)) == (None, ["StaticPod"])


def test_a_container_that_a_resize_would_restart_is_left_alone() -> None:
    one = replace(container(), spec=replace(container().spec, restarts=True))
    found = judged(one, limiting())
    assert (found.ask, reasons(found)) == (None, ["RestartNeeded"])


def test_somebody_elses_change_wins_and_is_told_with_the_way_back() -> None:
    found = judged(container(700, foreign="vpa-updater"), limiting())
    assert (found.ask, found.part.in_force, reasons(found)) == (None, False, ["ForeignLimit"])
    message = found.part.remarks[0].message
    assert "vpa-updater" in message
    assert "700Mi" in message
    assert "recreated" in message


def test_somebody_elses_change_to_what_is_asked_for_is_no_trouble() -> None:
    assert judged(container(1024, foreign="vpa"), limiting(1024)).part.in_force


def test_a_pod_that_is_going_away_is_left_alone() -> None:
    one = container(512, mark=ours(256))
    for by in (limiting(), None):
        assert judged(one, by, in_pod=pod(one, deleting=True)) == LimitDecision()


def test_with_the_policy_goes_the_limit() -> None:
    found = judged(container(1024, mark=ours(512)))
    assert (found.ask, found.part.in_force) == (ResizeRequest(512 * MI), None)


@pytest.mark.parametrize(
    "one",
    [
        container(1024, foreign="kubectl-patch"),
        container(1024),
        container(512, mark=ours(512)),
        container(1024, mark=ours(None)),
    ],
    ids=["changed by somebody", "never ours", "is back", "there was none"],
)
def test_nothing_else_is_put_back(one: ContainerFacts) -> None:
    assert judged(one).ask is None
    assert not is_to_go_back(one)


def test_a_limit_is_not_put_back_while_more_is_used() -> None:
    one = container(1024, mark=ours(512))
    assert judged(one, usage=600).ask is None
    assert judged(one, usage=500).ask == ResizeRequest(512 * MI)
    assert is_to_go_back(one)


def test_pause_asks_for_nothing_and_tells_what_holds() -> None:
    for one, by in ((container(512), limiting()), (container(1024, mark=ours(512)), None)):
        assert judged(one, by, EnforcementMode.PAUSE).ask is None
    assert judged(container(1024), limiting(1024), EnforcementMode.PAUSE).part.in_force
    assert reasons(judged(container(512), limiting(1024), EnforcementMode.PAUSE)) == []
    assert reasons(judged(container(512), limiting(256), EnforcementMode.PAUSE, 300)) == [
        "BelowUsage"
    ]


def test_an_observer_hears_what_would_stand_in_its_way_and_of_nothing_asked() -> None:
    def told(one: ContainerFacts, usage: int = 0, in_pod: PodFacts | None = None) -> list[str]:
        held = LimitContext(in_pod or pod(one), one, usage * MI)
        return [remark.reason for remark in planned(held, won(limiting(256)))]

    one = container(512)
    assert told(one) == []
    assert told(one, 300) == ["BelowUsage"]
    assert told(one, in_pod=replace(pod(one), uid="mirror")) == ["StaticPod"]
    assert told(one, 300, replace(pod(one), deleting=True)) == []


def test_release_puts_back_whatever_the_policy_says() -> None:
    found = judged(container(1024, mark=ours(512)), limiting(1024), EnforcementMode.RELEASE)
    assert (found.ask, found.part.in_force) == (ResizeRequest(512 * MI), False)


def test_without_the_switchs_word_nothing_is_asked_or_told() -> None:
    assert judged(container(512), limiting(), None) == LimitDecision()


def test_while_a_raise_lasts_the_limit_is_only_where_it_began() -> None:
    one = container(800, mark=ours(256, Step.RAISE))
    both = limiting(512, up_to="2Gi")
    assert judged(one, both) == LimitDecision(judged(one, both).part)
    assert judged(one, both).part.in_force
    assert judged(one, limiting(512)).ask is not None, "without raiseLimit it is the limit again"
    assert judged(container(256, mark=ours(128, Step.RAISE)), both).ask is not None, "never less"


def test_a_raise_without_a_limit_keeps_what_was_raised_and_goes_with_its_policy() -> None:
    one = container(800, mark=ours(512, Step.RAISE))
    found = judged(one, limiting(None, up_to="1Gi"))
    assert (found.ask, found.part.in_force) == (None, True)
    assert judged(one).ask == ResizeRequest(512 * MI)


def test_a_limit_that_was_raised_and_not_carried_out_is_not_in_force() -> None:
    one = container(640, now=512, mark=ours(512, Step.RAISE))
    trouble = ResizeTrouble("Deferred", "no room")
    for by in (limiting(None, up_to="2Gi"), limiting(512, up_to="2Gi")):
        found = judged(one, by, in_pod=pod(one, resize=trouble))
        assert (found.part.in_force, reasons(found)) == (False, ["Deferred"])


def test_what_the_api_server_always_refuses_is_not_asked_for() -> None:
    besteffort = pod(container(None), qos=QOSClass.BEST_EFFORT)
    found = judged(container(None), limiting(64), in_pod=besteffort)
    assert (found.ask, reasons(found)) == (None, ["QOSChange"])
    asking = requesting(container(512), 256)
    found = judged(asking, limiting(128))
    assert (found.ask, reasons(found)) == (None, ["BelowRequest"])
    assert judged(asking, limiting(256)).ask is not None


def test_a_limit_of_zero_is_none_and_shrinking_below_use_waits() -> None:
    """The kubelet takes 0 for no limit, so any limit is less."""
    resources = {"limits": {"memory": "0"}, "requests": {"memory": "64Mi"}}
    manifest = {
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {"containers": [{"name": "app", "resources": resources}]},
        "status": {"qosClass": "Burstable"},
    }
    facts = pod_facts(manifest)
    (one,) = facts.containers
    assert (one.limit, one.spec.asked) == (None, None)
    found = evaluate_limit(
        LimitContext(facts, one, usage=2048 * MI), won(limiting(512)), EnforcementMode.ENFORCE
    )
    assert (found.ask, reasons(found)) == (None, ["BelowUsage"])


def test_the_api_server_compares_with_the_request_of_the_spec_not_with_the_allocated_one() -> None:
    allocated_less = replace(requesting(container(1024), 900), request=64 * MI)
    assert reasons(judged(allocated_less, limiting(512))) == ["BelowRequest"]
    allocated_more = replace(requesting(container(1024), 64), request=900 * MI)
    assert judged(allocated_more, limiting(512)).ask is not None


def test_more_than_the_pod_as_a_whole_may_have_is_not_asked_for() -> None:
    whole = pod(container(512), limit=768 * MI)
    assert reasons(judged(container(512), limiting(1024), in_pod=whole)) == ["PodLevelResources"]
    assert judged(container(512), limiting(768), in_pod=whole).ask is not None
    sidecar = container(512, kind=ContainerType.SIDECAR)  # the API server does not compare these
    assert judged(sidecar, limiting(1024), in_pod=whole).ask is not None
