"""Limits of an earlier version are taken over where that can only lower them again."""

from dataclasses import replace

import pytest
from oomwarden.api.oomlimit import Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.authorization import Denied, LimitWrite, ResizeContext, grant
from oomwarden.core.limits.desired_limit import LimitContext, evaluate_limit
from oomwarden.core.model.limit_ownership import LimitOwner
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.pods.limit_adoption import old_mark
from oomwarden.core.policy.policy import Policy

from tests.support.resized import MI, container, limiting, ours, pod, won


def marked(limit: int, before: int | None, step: Step = Step.LIMIT) -> ContainerFacts:
    """A container whose pod has a mark of an earlier version, in Mi."""
    one = container(limit)
    mark = LimitOwner(step, None if before is None else before * MI)
    return replace(one, spec=replace(one.spec, old_mark=mark))


def adopted(one: ContainerFacts, policy: Policy) -> LimitWrite | None:
    """Let the agent ask and the operator decide."""
    found = evaluate_limit(LimitContext(pod(one), one, 1), won(policy), EnforcementMode.ENFORCE)
    if found.ask is None or found.ask.limit != one.spec.asked:
        return None
    assert found.part.in_force
    limit = str(found.ask.limit)
    ask = Resize(namespace="shop", pod="db-0", uid="u", container="app", limit=limit, policy="")
    write = grant(
        ask, "node-1", ResizeContext(pod(one), one, "node-1", (policy,), EnforcementMode.ENFORCE)
    )
    return write if isinstance(write, LimitWrite) else None


def test_a_mark_is_read_by_its_container() -> None:
    names = ["vpa", "oomwarden-limit/app/5", "oomwarden-limit/web/6", "oomwarden-limit/app/x"]
    assert old_mark(names, "app") == LimitOwner(Step.LIMIT, 5)
    assert old_mark(["oomwarden-raise/app/none"], "app") == LimitOwner(Step.RAISE, None)
    assert old_mark(["oomwarden-limit/app"], "app") is None


def test_a_limit_that_a_policy_grants_is_taken_over_with_what_was_before() -> None:
    assert adopted(marked(1024, 512), limiting(1024)) == LimitWrite(1024 * MI, Step.LIMIT, 512 * MI)
    raised = marked(1024, 512, Step.RAISE)
    assert adopted(raised, limiting(512, "2Gi")) == LimitWrite(1024 * MI, Step.RAISE, 512 * MI)


@pytest.mark.parametrize(
    ("one", "policy"),
    [
        (marked(1024, 65536), limiting(1024)),
        (marked(1024, 512), limiting(2048)),
        (marked(4096, 512, Step.RAISE), limiting(512, "2Gi")),
        (marked(1024, 512), limiting(512, "2Gi")),
        (container(1024), limiting(1024)),
    ],
    ids=["put back it would rise", "another limit", "beyond upTo", "not raised", "no mark"],
)
def test_nothing_else_is_taken_over(one: ContainerFacts, policy: Policy) -> None:
    assert adopted(one, policy) is None


def test_what_has_a_record_or_no_policy_is_not_taken_over() -> None:
    one = marked(1024, 512)
    recorded = replace(
        one, spec=replace(one.spec, writers=container(1024, mark=ours(700)).spec.writers)
    )
    assert adopted(recorded, limiting(1024)) is None
    ask = Resize(
        namespace="shop", pod="db-0", uid="u", container="app", limit="1Gi", policy=""
    )  # fmt: skip
    scene = ResizeContext(pod(one), one, "node-1", (), EnforcementMode.ENFORCE)
    assert isinstance(grant(ask, "node-1", scene), Denied)
