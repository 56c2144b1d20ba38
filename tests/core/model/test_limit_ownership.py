"""Whether a limit is ours says the operator's record, and nothing that the pod says of itself."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.oomlimit import KeptLimit, Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.authorization import LimitWrite, ResizeContext, grant
from oomwarden.core.limits.desired_limit import LimitContext, evaluate_limit, put_back
from oomwarden.core.model.limit_ownership import (
    LimitOwner,
    LimitWriters,
    begun,
    changer,
    changers,
    confirmed,
    field_manager_name,
    with_evidence,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.pods.manifest import pod_facts

from tests.support.resized import MI, container, limiting, won

AT = "2026-11-26T20:00:00Z"
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
SIZES = st.integers(1, 2**60)


def entry(
    who: str, container: str = "app", subresource: str | None = "resize", of: str = "containers"
) -> dict[str, Any]:
    limits: dict[str, Any] = {"f:resources": {"f:limits": {"f:memory": {}}}}
    fields = {"f:spec": {f"f:{of}": {f'k:{{"name":"{container}"}}': limits}}}
    found = {"manager": who, "operation": "Update", "time": AT, "fieldsV1": fields}
    return found | ({"subresource": subresource} if subresource else {})


def kept(before: int | None = 64, limit: int = 96, step: Step = Step.LIMIT) -> KeptLimit:
    """A record in Mi, of a write that is done."""
    mark = LimitOwner(step, None if before is None else before * MI, AT)
    return confirmed(begun("app", mark, limit * MI, 1))


def writers(record: KeptLimit | None, asked: int | None) -> LimitWriters:
    return with_evidence(container(asked), record).spec.writers


@given(st.sampled_from(Step), NAMES, st.none() | SIZES, SIZES, st.none() | SIZES)
def test_a_record_says_what_was_written_however_it_is_stored(
    step: Step, name: str, before: int | None, limit: int, asked: int | None
) -> None:
    record = begun(name, LimitOwner(step, before, AT), limit, asked)
    stored = record.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert KeptLimit.model_validate(stored) == record
    assert (record.pending, confirmed(record).pending) == (True, False)


def test_without_a_record_a_limit_is_the_pods_own() -> None:
    assert writers(None, 96) == LimitWriters()


def test_a_limit_that_is_as_we_set_it_is_ours_and_any_other_is_somebody_elses() -> None:
    assert writers(kept(), 96) == LimitWriters(LimitOwner(Step.LIMIT, 64 * MI, AT))
    assert writers(kept(None), 96) == LimitWriters(LimitOwner(Step.LIMIT, None, AT))
    assert [writers(kept(), asked).foreign for asked in (80, 64, None)] == ["somebody"] * 3


def test_a_write_that_was_not_done_changes_nothing_of_whose_the_limit_is() -> None:
    first = begun("app", LimitOwner(Step.LIMIT, 64 * MI, AT), 96 * MI, 64 * MI)
    assert writers(first, 64) == LimitWriters()
    assert writers(first, 96).mark == LimitOwner(Step.LIMIT, 64 * MI, AT)
    assert writers(first, 80).foreign == "somebody"
    second = begun("app", LimitOwner(Step.RAISE, 64 * MI, AT), 128 * MI, 96 * MI)
    assert writers(second, 96).mark == LimitOwner(Step.LIMIT, 64 * MI, AT)
    assert writers(second, 128).mark == LimitOwner(Step.RAISE, 64 * MI, AT)


def test_the_field_manager_says_what_a_write_was_for() -> None:
    assert [field_manager_name(step, "app") for step in Step] == [
        "oomwarden-limit/app",
        "oomwarden-raise/app",
    ]
    assert len(field_manager_name(Step.LIMIT, "x" * 63)) <= 128


def test_who_says_to_have_resized_a_container_is_named_to_people() -> None:
    def told(*entries: dict[str, Any]) -> str:
        return changer(changers(entries, "containers", "app"))

    assert told(entry("kubectl"), entry("vpa"), entry("oomwarden-limit/app")) == "vpa"
    assert told(entry("vpa", "web"), entry("vpa", of="initContainers")) == ""
    assert told(entry("kubectl", subresource=None), {"subresource": "resize"}) == ""
    assert told(entry("a\nb" + "x" * 500)) == "a?b" + "x" * 125


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
def test_whatever_a_pod_says_of_its_writers_no_limit_is_granted_beyond_policy_and_record(
    managed: list[dict[str, Any]], live: int, asked: int, before: int | None
) -> None:
    facts = pod_facts(tenants_pod(managed, live))
    record = None if before is None else kept(before, live)
    one = with_evidence(facts.containers[0], record)
    ask = Resize(
        namespace="shop", pod="db-0", uid="u", container="app",
        limit=exact_quantity(asked * MI), policy="",
    )  # fmt: skip
    for policies in ((), (limiting(512),)):
        scene = ResizeContext(facts, one, "node-1", policies, EnforcementMode.ENFORCE)
        found = grant(ask, "node-1", scene)
        granted = 512 if policies else before
        if isinstance(found, LimitWrite):
            assert asked == granted
            template = live if before is None else before
            assert (found.before or 0) <= template * MI, "nothing above it is ever put back"
        else:
            assert asked != granted or granted == live


@given(MANAGED)
def test_whatever_a_pod_says_of_its_writers_it_neither_asks_nor_opts_out(
    managed: list[dict[str, Any]],
) -> None:
    facts = pod_facts(tenants_pod(managed, 64))
    held = LimitContext(facts, facts.containers[0], usage=0)
    assert put_back(held) is None
    found = evaluate_limit(held, won(limiting(512)), EnforcementMode.ENFORCE)
    assert found.ask is not None
    assert found.ask.limit == 512 * MI
