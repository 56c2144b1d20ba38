"""onOOM.raiseLimit: responds to recent kills at the limit in effect, within its bounds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.codec.codec import decode
from oomwarden.api.memory_rule import RaiseLimit
from oomwarden.api.oomkill import ContainerType, OOMKill
from oomwarden.api.oomlimit import Step
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.limits.raise_context import RaiseContext
from oomwarden.core.limits.raise_limit import (
    NotRaised,
    Raise,
    decide_raise,
    duration_seconds,
    next_limit,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts, ResizeStatus, SpecLimit
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.policy.policy import Policy

from tests.support.pods import policy
from tests.support.resized import MI, container, limiting, owned, pod

NOW = datetime(2026, 11, 26, 20, 0, 0, tzinfo=UTC)
GI = 1024


def kill(age: float = 5, **changes: object) -> OOMKill:
    facts = {
        "node": "node-1",
        "pod": {"name": "db-0", "uid": "u"},
        "container": {"name": "app", "type": "App"},
        "cause": "ContainerLimit",
        "limit": "512Mi",
        "kills": 1,
        "time": {"before": (NOW - timedelta(seconds=age)).isoformat()},
        "evidence": {"bootID": "b", "cgroup": 1, "level": "Pod", "from": 0, "to": 1},
    }
    return decode(OOMKill, facts | changes)


def case(
    one: ContainerFacts | None = None,
    by: Policy | None = None,
    reported: OOMKill | None = None,
    in_pod: PodFacts | None = None,
    available: int | None = 4 * GI,
) -> RaiseContext:
    one, by = one or container(512), by or limiting(None, up_to="2Gi")
    context = ResizeContext(in_pod or pod(one), one, "node-1", (by,), EnforcementMode.ENFORCE)
    room = None if available is None else available * MI
    return RaiseContext(reported or kill(), context, room, NOW)


def reason(found: object) -> str:
    return found.reason if isinstance(found, NotRaised) else str(found)


def test_a_limit_that_was_hit_is_raised_by_a_quarter() -> None:
    assert decide_raise(case()) == Raise(512 * MI, 640 * MI, 512 * MI)


def test_the_original_limit_is_carried_over() -> None:
    found = decide_raise(case(container(512, owner=owned(256))))
    assert found == Raise(512 * MI, 640 * MI, 256 * MI)


@pytest.mark.parametrize(
    ("limit", "fields", "expected"),
    [
        (512, {}, 640),
        (100, {}, 164),
        (100, {"atLeast": "1Mi"}, 125),
        (1000, {"by": "1%", "atLeast": "1Mi"}, 1010),
        (1900, {}, 2048),
        (3, {"by": "1%", "atLeast": "1Mi"}, 4),
    ],
)
def test_by_at_least_and_up_to(limit: int, fields: dict[str, str], expected: int) -> None:
    rule = decode(RaiseLimit, {"upTo": "2Gi", **fields})
    assert next_limit(limit * MI, rule) == expected * MI


@given(
    st.integers(1 << 20, 1 << 40),
    st.integers(1, 999),
    st.integers(1 << 20, 1 << 36),
    st.integers(1 << 20, 1 << 40),
)
def test_a_limit_is_never_lowered_and_never_exceeds_up_to(
    limit: int, by: int, least: int, up_to: int
) -> None:
    rule = RaiseLimit(by=f"{by}%", at_least=exact_quantity(least), up_to=exact_quantity(up_to))
    found = next_limit(limit, rule)
    assert limit <= found <= max(limit, up_to)
    assert found == up_to or found >= limit + max(limit * by // 100, least) or limit >= up_to


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (case(reported=kill(cause="NodeOutOfMemory")), "OtherCause"),
        (case(reported=kill(cause="Unknown")), "OtherCause"),
        (case(reported=kill(age=121)), "TooLate"),
        (case(reported=kill(age=3600)), "TooLate"),
        (case(reported=kill(limit="256Mi")), "LimitChanged"),
        (case(reported=kill(limit=None)), "LimitChanged"),
        (case(reported=kill(cause="PodLimit", limit="1Gi")), "PodsOwnLimit"),
        (case(container(None)), "LimitChanged"),
        (case(container(512, now=256)), "LimitChanged"),
        (case(container(512, other_writer="vpa-updater")), "ForeignLimit"),
        (case(container(512, kind=ContainerType.INIT)), "NotResizable"),
        (case(in_pod=pod(deleting=True)), "PodTerminating"),
        (case(in_pod=pod(cgroup_uid="hash")), "StaticPod"),
        (case(by=limiting(None, up_to="512Mi")), "UpToReached"),
        (case(available=127), "NodeShort"),
        (case(available=None), "NodeSilent"),
    ],
)
def test_a_limit_that_is_not_raised_has_a_reason(changed: RaiseContext, expected: str) -> None:
    assert reason(decide_raise(changed)) == expected


@pytest.mark.parametrize("mode", [EnforcementMode.PAUSE, EnforcementMode.RELEASE])
def test_the_mode_takes_precedence_over_other_reasons(mode: EnforcementMode) -> None:
    found = case()
    assert reason(decide_raise(replace(found, resize=replace(found.resize, mode=mode)))) == (
        "SwitchedOff"
    )


@pytest.mark.parametrize(
    "changed",
    [
        case(by=policy()),
        case(by=limiting(1024)),
        case(in_pod=pod(container(512), uid="another")),
        replace(case(), resize=replace(case().resize, pod=None)),
        replace(case(), resize=replace(case().resize, container=None)),
        case(by=policy(podSelector={"matchLabels": {"app": "web"}})),
    ],
    ids=["no onOOM", "a limit only", "another pod of the name", "gone", "no container", "not its"],
)
def test_without_a_policy_there_is_no_response(changed: RaiseContext) -> None:
    assert decide_raise(changed) is None


def raised_at(age: float, requested: int = 640) -> ContainerFacts:
    at = (NOW - timedelta(seconds=age)).isoformat(timespec="seconds")
    return container(requested, owner=owned(512, Step.RAISE, at))


def test_the_cooldown_depends_on_the_record_and_survives_a_restart() -> None:
    again = kill(limit="640Mi")
    assert reason(decide_raise(case(raised_at(599), reported=again))) == "Cooldown"
    assert decide_raise(case(raised_at(600), reported=again)) == Raise(640 * MI, 800 * MI, 512 * MI)
    short = limiting(None, up_to="2Gi", cooldown="1m30s")
    assert reason(decide_raise(case(raised_at(89), short, again))) == "Cooldown"
    assert isinstance(decide_raise(case(raised_at(90), short, again)), Raise)


def test_setting_memory_limit_starts_no_cooldown() -> None:
    at = NOW.isoformat(timespec="seconds")
    assert isinstance(decide_raise(case(container(512, owner=owned(256, Step.LIMIT, at)))), Raise)


def test_an_unrecorded_raise_is_recognised_and_not_repeated() -> None:
    found = decide_raise(case(raised_at(3), reported=kill(age=5)))
    assert found == Raise(512 * MI, 640 * MI, 512 * MI, already_done=True)


def test_a_raise_before_the_kill_is_not_its_response() -> None:
    assert reason(decide_raise(case(raised_at(60), reported=kill(age=5)))) == "LimitChanged"


def test_a_limit_that_the_pod_enforced_is_the_sum_of_its_containers() -> None:
    other = replace(container(100), name="side")
    both = pod(container(512), other)
    found = decide_raise(case(in_pod=both, reported=kill(cause="PodLimit", limit="612Mi")))
    assert found == Raise(512 * MI, 640 * MI, 512 * MI)


def test_an_observing_policy_reports_what_it_would_have_done() -> None:
    observing = policy(mode="Observe", rules=[{"onOOM": {"raiseLimit": {"upTo": "2Gi"}}}])
    found = decide_raise(case(by=observing))
    assert reason(found) == "Observed"
    assert isinstance(found, NotRaised)
    assert "from 512Mi to 640Mi" in found.message


@pytest.mark.parametrize(
    ("text", "expected"), [("10m", 600), ("1h30m", 5400), ("90s", 90), ("2h", 7200)]
)
def test_durations_are_parsed_to_seconds(text: str, expected: int) -> None:
    assert duration_seconds(text) == expected


def test_a_record_from_a_node_that_the_pod_does_not_run_on_raises_nothing() -> None:
    assert decide_raise(case(reported=kill(node="node-2"))) is None


@pytest.mark.parametrize("shown", ["488280Ki", "500M"])
def test_a_limit_that_the_kernel_rounds_to_pages_is_recognised(shown: str) -> None:
    one = replace(container(), limit=500_000_000, spec=SpecLimit(500_000_000))
    found = decide_raise(case(one, reported=kill(limit=shown)))
    assert isinstance(found, Raise)
    assert (found.before, found.limit) == (500_000_000, 597 * MI)


@pytest.mark.parametrize(
    ("said", "expected"), [("Deferred", "Deferred"), ("Infeasible", "Infeasible")]
)
def test_the_kubelets_status_of_the_last_raise_is_reported_with_the_next_kill(
    said: str, expected: str
) -> None:
    one = container(640, now=512, owner=owned(512, Step.RAISE))
    found = decide_raise(case(one, in_pod=pod(one, resize=ResizeStatus(said, "no room"))))
    assert reason(found) == expected
