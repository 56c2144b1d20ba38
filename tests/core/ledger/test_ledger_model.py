"""For any interleaving, the ledger records what the kernel counted."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.model.cgroup import Level

from tests.support.kernel_model import QOS, TOP, AgentModel, KernelModel

ACTIONS = [
    "make", "make", "kill", "kill", "group kill", "remove", "remove pod", "read", "torn read",
    "settle", "crash",
]  # fmt: skip
EVERY = [*ACTIONS, "group kill of one already dead"]
WHOLE = [action for action in ACTIONS if action != "torn read"]
"""If a pod is removed after a torn read, it is unknown which of two containers had the rest."""
Steps = list[tuple[str, int, int]]


def steps_of(actions: list[str]) -> st.SearchStrategy[Steps]:
    step = st.tuples(st.sampled_from(actions), st.integers(0, 7), st.integers(1, 3))
    return st.lists(step, min_size=4, max_size=60)


def apply(agent: AgentModel, action: str, which: int, count: int) -> None:
    kernel = agent.kernel
    pods, containers = kernel.live(Level.POD), kernel.live(Level.CONTAINER)
    victim = containers[which % len(containers)] if containers else None
    if action == "make":
        inside = pods and which > 2
        parent = pods[which % len(pods)] if inside else QOS
        kernel.make(parent, Level.CONTAINER if inside else Level.POD)
    elif action == "kill" and victim:
        kernel.kill(victim, count)
    elif action == "group kill" and victim:
        kernel.kill(victim, count, group=True)
    elif action == "group kill of one already dead" and victim:
        kernel.kill(victim, count, group=True, twice=False)
    elif action == "remove" and victim:
        kernel.remove(victim)
    elif action == "remove pod" and pods:
        kernel.remove(pods[which % len(pods)])
    elif action == "read":
        agent.read()
    elif action == "torn read":
        agent.read(torn=victim)
    elif action == "settle":
        agent.settle()
    elif action == "crash":
        agent.crash()


def play(steps: Steps, *, logs: bool) -> AgentModel:
    agent = AgentModel(KernelModel(logs=logs))
    agent.read()
    for step in steps:
        apply(agent, *step)
    for _ in range(2):
        agent.read()
        agent.settle()
    return agent


@settings(max_examples=300, deadline=None)
@given(steps_of(EVERY), st.booleans())
def test_every_increment_of_the_kernel_is_recorded_exactly_once(
    steps: Steps,
    logs: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    agent = play(steps, logs=logs)
    assert agent.recorded() == agent.kernel.kills[TOP]


@settings(max_examples=300, deadline=None)
@given(steps_of(EVERY), st.booleans())
def test_the_ranges_of_a_pod_add_up_to_its_counter(
    steps: Steps,
    logs: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    agent = play(steps, logs=logs)
    for inode in {one.account.inode for one in agent.ranges}:
        spans = sorted((b.start, b.end) for b in agent.ranges if b.account.inode == inode)
        assert all(first[1] <= second[0] for first, second in pairwise(spans))
        if inode in agent.kernel.live(Level.POD):
            joined = [0, *(end for _, end in spans)]
            assert joined == [*(start for start, _ in spans), agent.kernel.kills[inode]]


@settings(max_examples=300, deadline=None)
@given(steps_of(ACTIONS), st.booleans())
def test_no_kill_is_recorded_for_another_container(
    steps: Steps,
    logs: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    agent = play(steps, logs=logs)
    for path in {b.container.path for b in agent.ranges if b.container}:
        assert agent.recorded_for(path) <= agent.kernel.victims.get(path, 0)


@settings(max_examples=300, deadline=None)
@given(steps_of(WHOLE))
def test_with_the_log_every_kill_has_its_container(steps: Steps) -> None:
    agent = play(steps, logs=True)
    victims = agent.kernel.victims
    assert {path: agent.recorded_for(path) for path in victims} == victims


def test_a_kill_that_was_read_in_time_does_not_use_the_log_line_of_one_that_was_not() -> None:
    steps = [("make", 0, 1), ("make", 3, 1), ("make", 3, 1), ("torn read", 0, 1), ("kill", 1, 1)]
    agent = play([*steps, ("remove pod", 0, 1)], logs=True)
    assert {path: agent.recorded_for(path) for path in agent.kernel.victims} == agent.kernel.victims


def test_a_single_kill_that_was_read_is_not_taken_for_a_part_of_a_later_group_kill() -> None:
    steps = [("make", 0, 1), ("make", 3, 1), ("make", 3, 1), ("kill", 0, 1), ("read", 0, 1)]
    agent = play([*steps, ("group kill", 0, 1), *[("remove", 0, 1)] * 2], logs=True)
    assert {path: agent.recorded_for(path) for path in agent.kernel.victims} == agent.kernel.victims
