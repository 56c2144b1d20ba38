"""What the operator grants an agent: only what a policy says, for a pod of the agent's node."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.oomlimit import Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.authorization import Denied, LimitWrite, ResizeContext, grant
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.policy.policy import Policy

from tests.support.pods import cluster_policy
from tests.support.resized import MI, container, limiting, ours, pod


def ask(limit: int = 1024, uid: str = "u") -> Resize:
    return Resize(
        namespace="shop", pod="db-0", uid=uid, container="app", limit=f"{limit}Mi", policy="?"
    )


def scene(
    one: ContainerFacts | None = None,
    *policies: Policy,
    switch: EnforcementMode = EnforcementMode.ENFORCE,
    in_pod: PodFacts | None = None,
) -> ResizeContext:
    one = one or container(512)
    return ResizeContext(in_pod or pod(one), one, "node-1", policies, switch)


def test_what_a_policy_grants_is_written_with_the_limit_of_before() -> None:
    assert grant(ask(), "node-1", scene(None, limiting())) == LimitWrite(
        1024 * MI, Step.LIMIT, 512 * MI
    )


def test_the_limit_of_before_the_first_write_is_kept() -> None:
    found = grant(ask(), "node-1", scene(container(700, mark=ours(512)), limiting()))
    assert found == LimitWrite(1024 * MI, Step.LIMIT, 512 * MI)


@pytest.mark.parametrize("limit", [1023, 1025, 512, 1_000_000])
def test_another_limit_than_the_policys_is_denied(limit: int) -> None:
    assert isinstance(grant(ask(limit), "node-1", scene(None, limiting())), Denied)


@given(st.integers(1, 2**40), st.sampled_from(["nobody", "none", "same", "other"]))
def test_without_a_policy_only_our_own_limit_of_before_is_granted(limit: int, who: str) -> None:
    before = {"same": limit, "other": limit + 1}.get(who)
    one = container(512, mark=None if who == "nobody" else ours(before))
    wanted = Resize(
        namespace="shop", pod="db-0", uid="u", container="app",
        limit=exact_quantity(limit * MI), policy="",
    )  # fmt: skip
    found = grant(wanted, "node-1", scene(one))
    assert isinstance(found, LimitWrite) == (who == "same" and limit != 512)


@pytest.mark.parametrize(
    ("changed", "node", "uid"),
    [
        (scene(None, limiting()), "node-2", "u"),
        (scene(None, limiting()), "node-1", "other"),
        (scene(None, limiting(), switch=EnforcementMode.PAUSE), "node-1", "u"),
        (scene(None, limiting(), switch=EnforcementMode.RELEASE), "node-1", "u"),
        (scene(container(512, foreign="vpa"), limiting()), "node-1", "u"),
        (scene(None, limiting(), in_pod=pod(deleting=True)), "node-1", "u"),
        (scene(None, limiting(), in_pod=pod(cgroup_uid="hash")), "node-1", "u"),
        (replace(scene(None, limiting()), pod=None), "node-1", "u"),
        (replace(scene(None, limiting()), container=None), "node-1", "u"),
        (scene(container(1024), limiting()), "node-1", "u"),
        (scene(container(2048, mark=ours(1, Step.RAISE)), limiting(up_to="4Gi")), "node-1", "u"),
    ],
    ids=[
        "another node", "another pod of the name", "Pause", "Release", "somebody else's",
        "going away", "static", "gone", "no such container", "set already", "raised beyond",
    ],
)  # fmt: skip
def test_it_is_denied(changed: ResizeContext, node: str, uid: str) -> None:
    assert isinstance(grant(ask(uid=uid), node, changed), Denied)


def test_a_policy_that_is_beaten_grants_nothing() -> None:
    above = cluster_policy(rules=[{"oomScoreAdj": 5}])
    assert isinstance(grant(ask(), "node-1", scene(None, limiting(), above)), Denied)


def test_a_policy_for_other_nodes_or_namespaces_grants_nothing() -> None:
    rules = [{"memory": {"limit": "1Gi"}}]
    labels = {"matchLabels": {"zone": "a"}}
    for field in ("nodeSelector", "namespaceSelector"):
        selector: dict[str, Any] = {field: labels}
        away = scene(None, cluster_policy(rules=rules, **selector))
        assert isinstance(grant(ask(), "node-1", away), Denied)
        here = replace(away, node_labels={"zone": "a"}, namespace_labels={"zone": "a"})
        assert isinstance(grant(ask(), "node-1", here), LimitWrite)


def test_at_release_the_limit_of_before_is_granted_under_a_policy() -> None:
    one = container(1024, mark=ours(512))
    found = grant(ask(512), "node-1", scene(one, limiting(), switch=EnforcementMode.RELEASE))
    assert found == LimitWrite(512 * MI, Step.LIMIT, 512 * MI)


def test_what_was_raised_is_not_put_back_while_its_policy_lasts() -> None:
    one = container(1024, mark=ours(512, Step.RAISE))
    lasting = scene(one, limiting(None, up_to="2Gi"))
    assert isinstance(grant(ask(512), "node-1", lasting), Denied)
    assert isinstance(grant(ask(512), "node-1", scene(one)), LimitWrite)
