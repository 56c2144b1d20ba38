"""onOOM.raiseLimit: acts on young kills at the very limit that is in force, within its bounds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.memory_rule import RaiseLimit
from oomwarden.api.oomkill import ContainerType, OOMKill
from oomwarden.api.oomlimit import Step
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.limits.raise_case import RaiseContext
from oomwarden.core.limits.raise_limit import NotRaised, Raise, decide, raised, seconds
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts, ResizeTrouble, SpecLimit
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.policy.policy import Policy

from tests.support.pods import policy
from tests.support.resized import MI, container, limiting, ours, pod

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
    return OOMKill.model_validate(facts | changes)


def case(
    one: ContainerFacts | None = None,
    by: Policy | None = None,
    told: OOMKill | None = None,
    in_pod: PodFacts | None = None,
    available: int | None = 4 * GI,
) -> RaiseContext:
    one, by = one or container(512), by or limiting(None, up_to="2Gi")
    scene = ResizeContext(in_pod or pod(one), one, "node-1", (by,), EnforcementMode.ENFORCE)
    room = None if available is None else available * MI
    return RaiseContext(told or kill(), scene, room, NOW)


def reason(found: object) -> str:
    return found.reason if isinstance(found, NotRaised) else str(found)


def test_a_limit_that_was_hit_is_raised_by_a_quarter() -> None:
    assert decide(case()) == Raise(512 * MI, 640 * MI, 512 * MI)


def test_the_limit_of_before_our_first_write_is_handed_on() -> None:
    found = decide(case(container(512, mark=ours(256))))
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
    rule = RaiseLimit.model_validate({"upTo": "2Gi", **fields})
    assert raised(limit * MI, rule) == expected * MI


@given(
    st.integers(1 << 20, 1 << 40),
    st.integers(1, 999),
    st.integers(1 << 20, 1 << 36),
    st.integers(1 << 20, 1 << 40),
)
def test_it_never_lowers_and_never_goes_beyond_up_to(
    limit: int, by: int, least: int, up_to: int
) -> None:
    rule = RaiseLimit(by=f"{by}%", at_least=exact_quantity(least), up_to=exact_quantity(up_to))
    found = raised(limit, rule)
    assert limit <= found <= max(limit, up_to)
    assert found == up_to or found >= limit + max(limit * by // 100, least) or limit >= up_to


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (case(told=kill(cause="NodeOutOfMemory")), "OtherCause"),
        (case(told=kill(cause="Unknown")), "OtherCause"),
        (case(told=kill(age=121)), "TooLate"),
        (case(told=kill(age=3600)), "TooLate"),
        (case(told=kill(limit="256Mi")), "LimitChanged"),
        (case(told=kill(limit=None)), "LimitChanged"),
        (case(told=kill(cause="PodLimit", limit="1Gi")), "PodsOwnLimit"),
        (case(container(None)), "LimitChanged"),
        (case(container(512, now=256)), "LimitChanged"),
        (case(container(512, foreign="vpa-updater")), "ForeignLimit"),
        (case(container(512, kind=ContainerType.INIT)), "NotResizable"),
        (case(in_pod=pod(deleting=True)), "PodTerminating"),
        (case(in_pod=pod(cgroup_uid="hash")), "StaticPod"),
        (case(by=limiting(None, up_to="512Mi")), "UpToReached"),
        (case(available=127), "NodeShort"),
        (case(available=None), "NodeSilent"),
    ],
)
def test_it_stays_and_says_why(changed: RaiseContext, expected: str) -> None:
    assert reason(decide(changed)) == expected


@pytest.mark.parametrize("switch", [EnforcementMode.PAUSE, EnforcementMode.RELEASE])
def test_the_switch_comes_first(switch: EnforcementMode) -> None:
    found = case()
    assert reason(decide(replace(found, scene=replace(found.scene, switch=switch)))) == (
        "SwitchedOff"
    )


@pytest.mark.parametrize(
    "changed",
    [
        case(by=policy()),
        case(by=limiting(1024)),
        case(in_pod=pod(container(512), uid="another")),
        replace(case(), scene=replace(case().scene, pod=None)),
        replace(case(), scene=replace(case().scene, container=None)),
        case(by=policy(podSelector={"matchLabels": {"app": "web"}})),
    ],
    ids=["no onOOM", "a limit only", "another pod of the name", "gone", "no container", "not its"],
)
def test_where_no_policy_asks_for_it_nothing_is_said(changed: RaiseContext) -> None:
    assert decide(changed) is None


def raised_at(age: float, asked: int = 640) -> ContainerFacts:
    at = (NOW - timedelta(seconds=age)).isoformat(timespec="seconds")
    return container(asked, mark=ours(512, Step.RAISE, at))


def test_the_cooldown_hangs_on_the_mark_and_so_outlives_the_operator() -> None:
    again = kill(limit="640Mi")
    assert reason(decide(case(raised_at(599), told=again))) == "Cooldown"
    assert decide(case(raised_at(600), told=again)) == Raise(640 * MI, 800 * MI, 512 * MI)
    short = limiting(None, up_to="2Gi", cooldown="1m30s")
    assert reason(decide(case(raised_at(89), short, again))) == "Cooldown"
    assert isinstance(decide(case(raised_at(90), short, again)), Raise)


def test_a_start_value_of_memory_limit_begins_no_cooldown() -> None:
    at = NOW.isoformat(timespec="seconds")
    assert isinstance(decide(case(container(512, mark=ours(256, Step.LIMIT, at)))), Raise)


def test_a_raise_that_nobody_recorded_is_found_again_and_not_repeated() -> None:
    found = decide(case(raised_at(3), told=kill(age=5)))
    assert found == Raise(512 * MI, 640 * MI, 512 * MI, done=True)


def test_a_raise_of_before_the_kill_is_not_its_response() -> None:
    assert reason(decide(case(raised_at(60), told=kill(age=5)))) == "LimitChanged"


def test_a_limit_that_the_pod_enforced_is_the_sum_of_its_containers() -> None:
    other = replace(container(100), name="side")
    both = pod(container(512), other)
    found = decide(case(in_pod=both, told=kill(cause="PodLimit", limit="612Mi")))
    assert found == Raise(512 * MI, 640 * MI, 512 * MI)


def test_a_policy_that_only_observes_says_what_it_would_have_done() -> None:
    observing = policy(mode="Observe", rules=[{"onOOM": {"raiseLimit": {"upTo": "2Gi"}}}])
    found = decide(case(by=observing))
    assert reason(found) == "Observed"
    assert isinstance(found, NotRaised)
    assert "from 512Mi to 640Mi" in found.message


@pytest.mark.parametrize(
    ("text", "expected"), [("10m", 600), ("1h30m", 5400), ("90s", 90), ("2h", 7200)]
)
def test_durations(text: str, expected: int) -> None:
    assert seconds(text) == expected


def test_a_record_of_a_node_that_the_pod_is_not_on_raises_nothing() -> None:
    assert decide(case(told=kill(node="node-2"))) is None


@pytest.mark.parametrize("shown", ["488280Ki", "500M"])
def test_a_limit_that_is_no_whole_number_of_pages_is_the_one_that_was_hit(shown: str) -> None:
    one = replace(container(), limit=500_000_000, spec=SpecLimit(500_000_000))
    found = decide(case(one, told=kill(limit=shown)))
    assert isinstance(found, Raise)
    assert (found.before, found.limit) == (500_000_000, 597 * MI)


@pytest.mark.parametrize(
    ("said", "expected"), [("Deferred", "Deferred"), ("Infeasible", "Infeasible")]
)
def test_what_the_kubelet_says_of_the_last_raise_is_told_with_the_next_kill(
    said: str, expected: str
) -> None:
    one = container(640, now=512, mark=ours(512, Step.RAISE))
    found = decide(case(one, in_pod=pod(one, resize=ResizeTrouble(said, "no room"))))
    assert reason(found) == expected
