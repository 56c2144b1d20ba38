"""What the operator grants an agent: only what a policy asks for, for a pod of the agent's node."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.oomlimit import Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.authorization import Denied, LimitWrite, ResizeContext, authorize
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.policy.policy import Policy

from tests.support.pods import cluster_policy
from tests.support.resized import MI, container, limiting, owned, pod

RAISED = owned(1, Step.RAISE)


def request(limit: int = 1024, uid: str = "u") -> Resize:
    return Resize(
        namespace="shop", pod="db-0", uid=uid, container="app", limit=f"{limit}Mi", policy="?"
    )


def context(
    one: ContainerFacts | None = None,
    *policies: Policy,
    mode: EnforcementMode = EnforcementMode.ENFORCE,
    in_pod: PodFacts | None = None,
) -> ResizeContext:
    one = one or container(512)
    return ResizeContext(in_pod or pod(one), one, "node-1", policies, mode)


def test_a_limit_that_a_policy_grants_is_written_with_the_original_limit() -> None:
    assert authorize(request(), "node-1", context(None, limiting())) == LimitWrite(
        1024 * MI, Step.LIMIT, 512 * MI
    )


def test_the_original_limit_is_kept_across_writes() -> None:
    found = authorize(request(), "node-1", context(container(700, owner=owned(512)), limiting()))
    assert found == LimitWrite(1024 * MI, Step.LIMIT, 512 * MI)


@pytest.mark.parametrize("limit", [1023, 1025, 512, 1_000_000])
def test_a_limit_other_than_the_policys_is_denied(limit: int) -> None:
    assert isinstance(authorize(request(limit), "node-1", context(None, limiting())), Denied)


@given(st.integers(1, 2**40), st.sampled_from(["unset", "none", "same", "other"]))
def test_without_a_policy_only_restoring_the_original_limit_is_granted(
    limit: int, manager: str
) -> None:
    before = {"same": limit, "other": limit + 1}.get(manager)
    one = container(512, owner=None if manager == "unset" else owned(before))
    wanted = Resize(
        namespace="shop", pod="db-0", uid="u", container="app",
        limit=exact_quantity(limit * MI), policy="",
    )  # fmt: skip
    found = authorize(wanted, "node-1", context(one))
    assert isinstance(found, LimitWrite) == (manager == "same" and limit != 512)


@pytest.mark.parametrize(
    ("changed", "node", "uid"),
    [
        (context(None, limiting()), "node-2", "u"),
        (context(None, limiting()), "node-1", "other"),
        (context(None, limiting(), mode=EnforcementMode.PAUSE), "node-1", "u"),
        (context(None, limiting(), mode=EnforcementMode.RELEASE), "node-1", "u"),
        (context(container(512, other_writer="vpa"), limiting()), "node-1", "u"),
        (context(None, limiting(), in_pod=pod(deleting=True)), "node-1", "u"),
        (context(None, limiting(), in_pod=pod(cgroup_uid="hash")), "node-1", "u"),
        (replace(context(None, limiting()), pod=None), "node-1", "u"),
        (replace(context(None, limiting()), container=None), "node-1", "u"),
        (context(container(1024), limiting()), "node-1", "u"),
        (context(container(2048, owner=RAISED), limiting(up_to="4Gi")), "node-1", "u"),
    ],
    ids=[
        "another node", "another pod of the name", "Pause", "Release", "of another writer",
        "deleting", "static", "no such pod", "no such container", "already set", "raised",
    ],
)  # fmt: skip
def test_an_invalid_request_is_denied(changed: ResizeContext, node: str, uid: str) -> None:
    assert isinstance(authorize(request(uid=uid), node, changed), Denied)


def test_a_policy_that_loses_grants_nothing() -> None:
    above = cluster_policy(rules=[{"oomScoreAdj": 5}])
    assert isinstance(authorize(request(), "node-1", context(None, limiting(), above)), Denied)


def test_a_policy_for_other_nodes_or_namespaces_grants_nothing() -> None:
    rules = [{"memory": {"limit": "1Gi"}}]
    labels = {"matchLabels": {"zone": "a"}}
    for field in ("nodeSelector", "namespaceSelector"):
        selector: dict[str, Any] = {field: labels}
        away = context(None, cluster_policy(rules=rules, **selector))
        assert isinstance(authorize(request(), "node-1", away), Denied)
        here = replace(away, node_labels={"zone": "a"}, namespace_labels={"zone": "a"})
        assert isinstance(authorize(request(), "node-1", here), LimitWrite)


def test_in_release_mode_the_original_limit_is_granted_despite_a_policy() -> None:
    one = container(1024, owner=owned(512))
    found = authorize(
        request(512), "node-1", context(one, limiting(), mode=EnforcementMode.RELEASE)
    )
    assert found == LimitWrite(512 * MI, Step.LIMIT, 512 * MI)


def test_a_raised_limit_is_not_restored_while_its_policy_exists() -> None:
    one = container(1024, owner=owned(512, Step.RAISE))
    lasting = context(one, limiting(None, up_to="2Gi"))
    assert isinstance(authorize(request(512), "node-1", lasting), Denied)
    assert isinstance(authorize(request(512), "node-1", context(one)), LimitWrite)
