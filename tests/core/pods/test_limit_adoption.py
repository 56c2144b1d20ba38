"""Limits of an earlier version are adopted only if that can only lower them again."""

import pytest
from msgspec.structs import replace
from oomwarden.api.oomlimit import Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.authorization import Denied, LimitWrite, ResizeContext, authorize
from oomwarden.core.limits.desired_limit import LimitContext, evaluate_limit
from oomwarden.core.model.limit_ownership import LimitOwner
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.pods.limit_adoption import legacy_owner
from oomwarden.core.policy.policy import Policy

from tests.support.resized import MI, container, limiting, owned, pod, won


def marked(limit: int, before: int | None, step: Step = Step.LIMIT) -> ContainerFacts:
    """A container whose pod has a mark of an earlier version, in Mi."""
    one = container(limit)
    owner = LimitOwner(step, None if before is None else before * MI)
    return replace(one, spec=replace(one.spec, legacy_owner=owner))


def adopted(one: ContainerFacts, policy: Policy) -> LimitWrite | None:
    """Let the agent ask and the operator decide."""
    found = evaluate_limit(LimitContext(pod(one), one, 1), won(policy), EnforcementMode.ENFORCE)
    if found.request is None or found.request.limit != one.spec.limit:
        return None
    assert found.status.in_force
    limit = str(found.request.limit)
    request = Resize(namespace="shop", pod="db-0", uid="u", container="app", limit=limit, policy="")
    write = authorize(
        request,
        "node-1",
        ResizeContext(pod(one), one, "node-1", (policy,), EnforcementMode.ENFORCE),
    )
    return write if isinstance(write, LimitWrite) else None


def test_a_legacy_record_is_parsed_for_its_container() -> None:
    names = ["vpa", "oomwarden-limit/app/5", "oomwarden-limit/web/6", "oomwarden-limit/app/x"]
    assert legacy_owner(names, "app") == LimitOwner(Step.LIMIT, 5)
    assert legacy_owner(["oomwarden-raise/app/none"], "app") == LimitOwner(Step.RAISE, None)
    assert legacy_owner(["oomwarden-limit/app"], "app") is None


def test_a_limit_that_a_policy_grants_is_adopted_with_the_original_limit() -> None:
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
def test_no_other_limit_is_adopted(one: ContainerFacts, policy: Policy) -> None:
    assert adopted(one, policy) is None


def test_a_limit_with_a_record_or_without_a_policy_is_not_adopted() -> None:
    one = marked(1024, 512)
    recorded = replace(
        one, spec=replace(one.spec, ownership=container(1024, owner=owned(700)).spec.ownership)
    )
    assert adopted(recorded, limiting(1024)) is None
    request = Resize(
        namespace="shop", pod="db-0", uid="u", container="app", limit="1Gi", policy=""
    )  # fmt: skip
    context = ResizeContext(pod(one), one, "node-1", (), EnforcementMode.ENFORCE)
    assert isinstance(authorize(request, "node-1", context), Denied)
