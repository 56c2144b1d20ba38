"""A mirror pod represents a static pod only if no other Pod could."""

from typing import Any

import pytest
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.pods.static_pods import MirrorPods

from tests.support.mirror_pods import HASH, VICTIM, mirror


def test_a_static_pods_cgroup_is_named_after_its_hash() -> None:
    facts = pod_facts(mirror())
    assert (facts.cgroup_uid, facts.is_static, facts.is_confirmed, facts.unreadable) == (
        HASH,
        True,
        True,
        "",
    )


@pytest.mark.parametrize(
    "forged",
    [
        mirror(VICTIM),
        mirror("0123abcd"),
        mirror(HASH.upper()),
        mirror(f"{HASH}\n"),
        mirror(HASH + "0"),
        mirror(f"../{HASH}"),
        mirror(None),
        mirror(mirror="x"),
        mirror(source="api"),
        mirror(node="node-2"),
        mirror(metadata={"ownerReferences": []}),
        mirror(metadata={"ownerReferences": [{"kind": "Node", "name": "node-1"}]}),
        mirror(metadata={"ownerReferences": [
            {"apiVersion": "v1", "kind": "ReplicaSet", "name": "node-1", "controller": True},
        ]}),
    ],
)  # fmt: skip
def test_a_pod_that_is_not_a_valid_mirror_keeps_its_own_uid(forged: dict[str, Any]) -> None:
    facts = pod_facts(forged)
    assert (facts.cgroup_uid, facts.is_static) == (facts.uid, False)
    assert facts.unreadable


def test_a_static_pod_with_its_own_uid_has_a_remedy() -> None:
    assert (
        "remove metadata.uid from the static pod's manifest" in pod_facts(mirror(VICTIM)).unreadable
    )


def test_the_kubelet_confirms_a_mirror_by_its_status() -> None:
    created = mirror() | {"status": {"phase": "Pending", "qosClass": "BestEffort"}}
    started = mirror() | {"status": {"phase": "Pending", "startTime": "2026-01-02T03:04:05Z"}}
    assert [pod_facts(each).is_confirmed for each in (created, started)] == [False, True]


def claim(uid: str, *, vouched: bool) -> PodFacts:
    status = {"phase": "Running", "startTime": "x"} if vouched else {"phase": "Pending"}
    return pod_facts(mirror(metadata={"uid": uid}) | {"status": status})


def test_of_two_mirrors_the_one_that_the_kubelet_confirmed_is_believed() -> None:
    mirrors, forged, real = MirrorPods(), claim("a", vouched=False), claim("b", vouched=True)
    mirrors.claim(forged)
    assert mirrors.resolve(HASH) is None
    mirrors.claim(real)
    assert mirrors.resolve(HASH) is real


def test_of_two_indistinguishable_mirrors_none_is_believed_until_one_is_deleted() -> None:
    mirrors, one, other = MirrorPods(), claim("a", vouched=True), claim("b", vouched=True)
    mirrors.claim(one)
    mirrors.claim(other)
    assert mirrors.resolve(HASH) is None
    assert mirrors.withdraw("a") == {HASH}
    assert mirrors.resolve(HASH) is other
    mirrors.withdraw("b")
    assert (mirrors.claim_of("b"), mirrors.resolve(HASH)) == (None, None)
