"""Agent, operator and API server together, with any events in between: a model of one container."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.api.codec.codec import decode
from oomwarden.api.oomkill import OOMKill
from oomwarden.api.oomlimit import Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.authorization import LimitWrite, ResizeContext, authorize
from oomwarden.core.limits.desired_limit import LimitContext, LimitDecision, evaluate_limit
from oomwarden.core.limits.raise_context import RaiseContext
from oomwarden.core.limits.raise_limit import Raise, decide_raise
from oomwarden.core.model.limit_ownership import (
    LimitOwner,
    confirmed_limit,
    pending_limit,
    with_ownership,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import exact_quantity, parse_bytes

from tests.support.resized import MI, container, limiting, pod, won

if TYPE_CHECKING:
    from oomwarden.api.oomlimit import KeptLimit
    from oomwarden.core.policy.policy import Policy

FIRST, BEGAN = 512, datetime(2026, 11, 26, 20, 0, 0, tzinfo=UTC)
SIZES = st.integers(1, 4096)


class OneContainer:
    """The operator keeps what it wrote, before it writes; sizes are in Mi."""

    def __init__(self) -> None:
        self.asked = FIRST
        self.kept: KeptLimit | None = None
        self.policy: Policy | None = None
        self.switch, self.now, self.usage = EnforcementMode.ENFORCE, BEGAN, 1
        self.left_by_other_writer: int | None = None
        self.dies = False

    def a_policy_comes(self, limit: int | None, up_to: int | None) -> None:
        if limit is not None or up_to is not None:
            self.policy = limiting(limit, f"{up_to}Mi" if up_to else None)

    def the_policy_is_deleted(self) -> None:
        self.policy = None

    def the_mode_changes(self, mode: str) -> None:
        self.switch = EnforcementMode(mode)

    def it_uses(self, usage: int) -> None:
        self.usage = min(usage, self.asked)

    def another_writer_changes_it(self, limit: int) -> None:
        """Change the limit after oomwarden's first write: before that, it is the original one."""
        if limit != self.asked and self.kept is not None:
            self.asked = limit
            restored = {self.kept.limit, self.kept.was}
            self.left_by_other_writer = None if f"{limit}Mi" in restored else limit
            self.usage = min(self.usage, limit)

    def the_operator_dies_between_record_and_patch(self) -> None:
        self.dies = True

    def the_agent_asks_and_the_operator_does(self) -> None:
        self.one_round()

    def it_is_killed_at_its_limit(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        before = self.asked
        found = decide_raise(RaiseContext(self.kill(), self.context(), 1 << 50, self.now))
        if isinstance(found, Raise) and not found.already_done:
            assert found.limit >= before * MI
            at = self.now.isoformat(timespec="seconds")
            self.write(found.limit, LimitOwner(Step.RAISE, found.original, at))

    def one_round(self) -> LimitDecision:
        """The agent judges what it sees; what it asks for is always granted, but at Pause."""
        match = won(self.policy) if self.policy else None
        found = evaluate_limit(
            LimitContext(self.the_pod(), self.the_container(), self.usage * MI), match, self.switch
        )
        if found.request is not None:
            limit = exact_quantity(found.request.limit)
            request = Resize(
                namespace="shop", pod="db-0", uid="u", container="app", limit=limit, policy="",
            )  # fmt: skip
            write = authorize(request, "node-1", self.context())
            assert isinstance(write, LimitWrite)
            assert write.limit >= self.usage * MI, "a limit below what is used could kill"
            self.write(write.limit, LimitOwner(write.step, write.before))
        return found

    def write(self, limit: int, owner: LimitOwner) -> None:
        self.kept = pending_limit("app", owner, limit, self.asked * MI)
        if self.dies:
            self.dies = False
            return
        self.asked, self.kept = limit // MI, confirmed_limit(self.kept)

    def the_container(self) -> ContainerFacts:
        return with_ownership(container(self.asked), self.kept)

    def the_pod(self) -> PodFacts:
        return pod(self.the_container())

    def context(self) -> ResizeContext:
        policies = (self.policy,) if self.policy else ()
        return ResizeContext(self.the_pod(), self.the_container(), "node-1", policies, self.switch)

    def kill(self) -> OOMKill:
        evidence = {"bootID": "b", "cgroup": 1, "level": "Pod", "from": 0, "to": 1}
        return decode(OOMKill, {
            "node": "node-1", "pod": {"name": "db-0", "uid": "u"}, "container": {"name": "app"},
            "cause": "ContainerLimit", "limit": f"{self.asked}Mi", "kills": 1,
            "time": {"before": self.now.isoformat()}, "evidence": evidence,
        })  # fmt: skip

    def what_somebody_else_wrote_stays(self) -> None:
        if self.left_by_other_writer is not None:
            assert self.asked == self.left_by_other_writer

    def what_was_before_our_first_write_is_never_forgotten(self) -> None:
        assert self.kept is None or parse_bytes(self.kept.before or "0") == FIRST * MI

    def a_second_round_asks_for_nothing_more(self) -> None:
        state, self.dies = (self.asked, self.kept, self.dies), False
        self.one_round()
        again = self.one_round()
        assert again.request is None
        self.asked, self.kept, self.dies = state

    def check(self) -> None:
        self.what_somebody_else_wrote_stays()
        self.what_was_before_our_first_write_is_never_forgotten()
        self.a_second_round_asks_for_nothing_more()

    def end(self) -> None:
        """When the policy goes and little is used, all is as it was; but not what others wrote."""
        self.policy, self.switch, self.usage, self.dies = None, EnforcementMode.ENFORCE, 1, False
        self.one_round()
        assert self.asked == (self.left_by_other_writer or FIRST)


def step(name: str, *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.tuples(st.just(name), *arguments)


OURS = (
    step("a_policy_comes", st.none() | SIZES, st.none() | SIZES),
    step("it_uses", SIZES),
    step("the_agent_asks_and_the_operator_does"),
    step("the_agent_asks_and_the_operator_does"),
    step("it_is_killed_at_its_limit", st.integers(1, 1200)),
    step("the_policy_is_deleted"),
    step("the_operator_dies_between_record_and_patch"),
    step("the_mode_changes", st.sampled_from(["Enforce", "Enforce", "Pause", "Release"])),
)
FOREIGN = step("another_writer_changes_it", SIZES)


def play(steps: list[tuple[str, ...]]) -> None:
    one = OneContainer()
    for name, *arguments in steps:
        getattr(one, name)(*arguments)
        one.check()
    one.end()


@settings(max_examples=300)
@given(st.lists(st.one_of(OURS), max_size=25))
def test_the_original_limit_is_restored_after_any_sequence_of_events(
    steps: list[tuple[str, ...]],
) -> None:
    play(steps)


@settings(max_examples=150)
@given(st.lists(st.one_of(*OURS, FOREIGN), max_size=25))
def test_a_limit_of_another_writer_is_never_overwritten(steps: list[tuple[str, ...]]) -> None:
    play(steps)
