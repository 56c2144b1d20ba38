"""Only the operator's record shows whether oomwarden set a limit, not what the pod claims."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.codec.codec import decode, encode
from oomwarden.api.oomlimit import KeptLimit, Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.authorization import LimitWrite, ResizeContext, authorize
from oomwarden.core.limits.desired_limit import LimitContext, evaluate_limit, restore_request
from oomwarden.core.model.limit_ownership import (
    LimitOwner,
    LimitOwnership,
    confirmed_limit,
    field_manager_name,
    last_other_manager,
    limit_managers,
    pending_limit,
    with_ownership,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.pods.manifest import pod_facts

from tests.support.resized import MI, container, limiting, won

AT = "2026-11-26T20:00:00Z"
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
SIZES = st.integers(1, 2**60)


def entry(
    manager: str, container: str = "app", subresource: str | None = "resize", of: str = "containers"
) -> dict[str, Any]:
    limits: dict[str, Any] = {"f:resources": {"f:limits": {"f:memory": {}}}}
    fields = {"f:spec": {f"f:{of}": {f'k:{{"name":"{container}"}}': limits}}}
    found = {"manager": manager, "operation": "Update", "time": AT, "fieldsV1": fields}
    return found | ({"subresource": subresource} if subresource else {})


def kept(before: int | None = 64, limit: int = 96, step: Step = Step.LIMIT) -> KeptLimit:
    """A record in Mi, of a write that is done."""
    owner = LimitOwner(step, None if before is None else before * MI, AT)
    return confirmed_limit(pending_limit("app", owner, limit * MI, 1))


def writers(record: KeptLimit | None, requested: int | None) -> LimitOwnership:
    return with_ownership(container(requested), record).spec.ownership


@given(st.sampled_from(Step), NAMES, st.none() | SIZES, SIZES, st.none() | SIZES)
def test_a_record_describes_the_write_however_it_is_stored(
    step: Step, name: str, before: int | None, limit: int, requested: int | None
) -> None:
    record = pending_limit(name, LimitOwner(step, before, AT), limit, requested)
    stored = encode(record)
    assert decode(KeptLimit, stored) == record
    assert (record.pending, confirmed_limit(record).pending) == (True, False)


def test_without_a_record_a_limit_is_the_pods_own() -> None:
    assert writers(None, 96) == LimitOwnership()


def test_a_limit_that_equals_the_record_was_set_by_oomwarden_and_any_other_was_not() -> None:
    assert writers(kept(), 96) == LimitOwnership(LimitOwner(Step.LIMIT, 64 * MI, AT))
    assert writers(kept(None), 96) == LimitOwnership(LimitOwner(Step.LIMIT, None, AT))
    assert [writers(kept(), requested).other_writer for requested in (80, 64, None)] == [
        "another client"
    ] * 3


def test_a_write_that_did_not_happen_does_not_change_the_owner() -> None:
    first = pending_limit("app", LimitOwner(Step.LIMIT, 64 * MI, AT), 96 * MI, 64 * MI)
    assert writers(first, 64) == LimitOwnership()
    assert writers(first, 96).owner == LimitOwner(Step.LIMIT, 64 * MI, AT)
    assert writers(first, 80).other_writer == "another client"
    second = pending_limit("app", LimitOwner(Step.RAISE, 64 * MI, AT), 128 * MI, 96 * MI)
    assert writers(second, 96).owner == LimitOwner(Step.LIMIT, 64 * MI, AT)
    assert writers(second, 128).owner == LimitOwner(Step.RAISE, 64 * MI, AT)


def test_the_field_manager_names_the_purpose_of_a_write() -> None:
    assert [field_manager_name(step, "app") for step in Step] == [
        "oomwarden-limit/app",
        "oomwarden-raise/app",
    ]
    assert len(field_manager_name(Step.LIMIT, "x" * 63)) <= 128


def test_the_manager_that_claims_a_resize_is_shown() -> None:
    def reported(*entries: dict[str, Any]) -> str:
        return last_other_manager(limit_managers(entries, "containers", "app"))

    assert reported(entry("kubectl"), entry("vpa"), entry("oomwarden-limit/app")) == "vpa"
    assert reported(entry("vpa", "web"), entry("vpa", of="initContainers")) == ""
    assert reported(entry("kubectl", subresource=None), {"subresource": "resize"}) == ""
    assert reported(entry("a\nb" + "x" * 500)) == "a?b" + "x" * 125


ANY_ENTRY = st.builds(
    entry,
    st.sampled_from(["oomwarden-limit/app/68719476736", "oomwarden-raise/app/none", "vpa", ""])
    | st.text(max_size=140),
    st.sampled_from(["app", "web"]),
    st.sampled_from(["resize", "status", None]),
    st.sampled_from(["containers", "initContainers"]),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
MANAGED = st.lists(ANY_ENTRY | st.dictionaries(st.text(max_size=12), ANY_JSON, max_size=4))


def tenants_pod(managed: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    resources = {"limits": {"memory": f"{limit}Mi"}}
    return {
        "metadata": {"name": "db-0", "namespace": "shop", "uid": "u", "managedFields": managed},
        "spec": {"nodeName": "node-1", "containers": [{"name": "app", "resources": resources}]},
        "status": {"qosClass": "Burstable"},
    }


@given(MANAGED, st.integers(1, 4096), st.integers(1, 1 << 20), st.none() | st.integers(1, 4096))
def test_managed_fields_never_grant_a_limit_beyond_policy_and_record(
    managed: list[dict[str, Any]], live: int, requested: int, before: int | None
) -> None:
    facts = pod_facts(tenants_pod(managed, live))
    record = None if before is None else kept(before, live)
    one = with_ownership(facts.containers[0], record)
    request = Resize(
        namespace="shop", pod="db-0", uid="u", container="app",
        limit=exact_quantity(requested * MI), policy="",
    )  # fmt: skip
    for policies in ((), (limiting(512),)):
        context = ResizeContext(facts, one, "node-1", policies, EnforcementMode.ENFORCE)
        found = authorize(request, "node-1", context)
        granted = 512 if policies else before
        if isinstance(found, LimitWrite):
            assert requested == granted
            template = live if before is None else before
            assert (found.before or 0) <= template * MI, "nothing above it is ever put back"
        else:
            assert requested != granted or granted == live


@given(MANAGED)
def test_managed_fields_neither_request_a_limit_nor_opt_out(
    managed: list[dict[str, Any]],
) -> None:
    facts = pod_facts(tenants_pod(managed, 64))
    cached = LimitContext(facts, facts.containers[0], usage=0)
    assert restore_request(cached) is None
    found = evaluate_limit(cached, won(limiting(512)), EnforcementMode.ENFORCE)
    assert found.request is not None
    assert found.request.limit == 512 * MI
