import pytest
from oomwarden.api.oomlimit import Step
from oomwarden.core.limits.desired_limit import (
    LimitDecision,
    ResizeRequest,
    restorable_limit,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, ResizeStatus

from tests.support.resized import MI, container, decide_on, limiting, owned, pod, reasons


def test_a_pod_that_is_being_deleted_is_left_alone() -> None:
    one = container(512, owner=owned(256))
    for by in (limiting(), None):
        assert decide_on(one, by, in_pod=pod(one, deleting=True)) == LimitDecision()


def test_without_its_policy_the_original_limit_is_restored() -> None:
    found = decide_on(container(1024, owner=owned(512)))
    assert (found.request, found.status.in_force) == (ResizeRequest(512 * MI), None)


@pytest.mark.parametrize(
    "one",
    [
        container(1024, other_writer="kubectl-patch"),
        container(1024),
        container(512, owner=owned(512)),
        container(1024, owner=owned(None)),
    ],
    ids=["changed by another writer", "not set by oomwarden", "already restored", "no original"],
)
def test_no_other_limit_is_restored(one: ContainerFacts) -> None:
    assert decide_on(one).request is None
    assert restorable_limit(one) is None


def test_a_limit_is_not_restored_while_usage_is_higher() -> None:
    one = container(1024, owner=owned(512))
    assert decide_on(one, usage=600).request is None
    assert decide_on(one, usage=500).request == ResizeRequest(512 * MI)
    assert restorable_limit(one) is not None


def test_pause_requests_nothing_and_reports_what_is_in_force() -> None:
    for one, by in ((container(512), limiting()), (container(1024, owner=owned(512)), None)):
        assert decide_on(one, by, EnforcementMode.PAUSE).request is None
    assert decide_on(container(1024), limiting(1024), EnforcementMode.PAUSE).status.in_force
    assert reasons(decide_on(container(512), limiting(1024), EnforcementMode.PAUSE)) == []
    assert reasons(decide_on(container(512), limiting(256), EnforcementMode.PAUSE, 300)) == [
        "BelowUsage"
    ]


def test_release_restores_the_limit_despite_the_policy() -> None:
    found = decide_on(container(1024, owner=owned(512)), limiting(1024), EnforcementMode.RELEASE)
    assert (found.request, found.status.in_force) == (ResizeRequest(512 * MI), False)


def test_with_an_unknown_mode_nothing_is_requested_or_reported() -> None:
    assert decide_on(container(512), limiting(), None) == LimitDecision()


def test_while_a_raise_lasts_memory_limit_is_only_the_starting_point() -> None:
    one = container(800, owner=owned(256, Step.RAISE))
    both = limiting(512, up_to="2Gi")
    assert decide_on(one, both) == LimitDecision(decide_on(one, both).status)
    assert decide_on(one, both).status.in_force
    assert decide_on(one, limiting(512)).request is not None, (
        "without raiseLimit it is the limit again"
    )
    assert decide_on(container(256, owner=owned(128, Step.RAISE)), both).request is not None, (
        "never less"
    )


def test_a_raised_limit_is_kept_without_memory_limit_and_restored_with_its_policy() -> None:
    one = container(800, owner=owned(512, Step.RAISE))
    found = decide_on(one, limiting(None, up_to="1Gi"))
    assert (found.request, found.status.in_force) == (None, True)
    assert decide_on(one).request == ResizeRequest(512 * MI)


def test_a_raised_limit_that_the_kubelet_has_not_applied_is_not_in_force() -> None:
    one = container(640, now=512, owner=owned(512, Step.RAISE))
    trouble = ResizeStatus("Deferred", "no room")
    for by in (limiting(None, up_to="2Gi"), limiting(512, up_to="2Gi")):
        found = decide_on(one, by, in_pod=pod(one, resize=trouble))
        assert (found.status.in_force, reasons(found)) == (False, ["Deferred"])
