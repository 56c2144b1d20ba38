"""The one switch reaches every agent within seconds, and a canary is a label on a node."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from e2e.conditions import conditions, ready
from e2e.examples import applied_cluster_policy, example
from e2e.switch_hand import SwitchHand
from e2e.workloads import family, pod, policy
from e2e.world import GROUP, PATIENCE, VERSION, Release, World, eventually

SCORE = -321
CANARY_SCORE = -500
"""Of examples/canary.yaml."""
SECONDS = 5.0
"""Within so many an agent hears of the switch on a machine that does nothing else."""
BURST = 8


def scores(world: World, namespace: str, names: list[str]) -> set[int]:
    """All scores in the containers of these pods."""
    return {score for name in names for score in world.scores(namespace, name, "app").values()}


def all_at(world: World, namespace: str, name: str, score: int) -> bool:
    """All processes of the pod have this score."""
    return scores(world, namespace, [name]) == {score}


def rule(world: World, namespace: str, score: int = SCORE) -> None:
    world.apply(policy(namespace, "protect", {"app": "db"}, {"oomScoreAdj": score}))


def start(world: World, namespace: str, *names: str) -> None:
    for name in names:
        world.apply(pod(namespace, name, family(world.cluster.busybox_image), app="db"))


def restarts(release: Release) -> list[tuple[str, int]]:
    return [
        (a.metadata.name, a.status.container_statuses[0].restart_count) for a in release.agents()
    ]


def test_release_puts_back_within_seconds_and_without_a_rollout(
    world: World, release: Release, switch: SwitchHand, namespace: str
) -> None:
    start(world, namespace, "db")
    world.running(namespace, "db")
    (given,) = scores(world, namespace, ["db"])
    rule(world, namespace)
    eventually(lambda: scores(world, namespace, ["db"]) == {SCORE})
    agents = restarts(release)
    turned = switch.turn("Release")
    eventually(lambda: scores(world, namespace, ["db"]) == {given}, SECONDS, every=0.1)
    assert time.monotonic() - turned < PATIENCE * SECONDS
    switch.turn("Enforce")
    eventually(lambda: scores(world, namespace, ["db"]) == {SCORE}, SECONDS, every=0.1)
    assert restarts(release) == agents


def test_pause_changes_nothing_more_neither_new_containers_nor_new_values(
    world: World, release: Release, switch: SwitchHand, namespace: str
) -> None:
    start(world, namespace, "old")
    world.running(namespace, "old")
    (given,) = scores(world, namespace, ["old"])
    rule(world, namespace)
    eventually(lambda: scores(world, namespace, ["old"]) == {SCORE})
    switch.turn("Pause")
    eventually(lambda: paused(world, namespace))
    time.sleep(PATIENCE * SECONDS)
    rule(world, namespace, SCORE + 1)
    start(world, namespace, "new")
    world.running(namespace, "new")
    eventually(lambda: paused(world, namespace))
    assert scores(world, namespace, ["old"]) == {SCORE}
    assert scores(world, namespace, ["new"]) == {given}
    switch.turn("Enforce")
    eventually(lambda: scores(world, namespace, ["old", "new"]) == {SCORE + 1}, SECONDS)


def paused(world: World, namespace: str) -> bool:
    """The policy, as it is now, says that the switch is at Pause."""
    generation = world.policy(namespace, "protect")["metadata"]["generation"]
    status = ready(world, namespace, "protect", observedGeneration=generation)
    return any("Pause" in each["message"] for each in conditions({"status": status}).values())


def soon_at(world: World, namespace: str, names: list[str], score: int) -> None:
    """Wait for all of these together, and look at each at least once: a look takes a second."""
    end = time.monotonic() + PATIENCE * SECONDS
    for name in names:
        left = max(end - time.monotonic(), 0) / PATIENCE
        eventually(partial(all_at, world, namespace, name, score), left)


def test_release_holds_in_the_middle_of_a_burst_of_starts(
    world: World, release: Release, switch: SwitchHand, namespace: str
) -> None:
    names = [f"burst-{number}" for number in range(BURST)]
    rule(world, namespace)
    start(world, namespace, *names[: BURST // 2])
    world.running(namespace, names[0])
    switch.turn("Release")
    start(world, namespace, *names[BURST // 2 :])
    for name in names:
        world.running(namespace, name)
    eventually(lambda: SCORE not in scores(world, namespace, names), SECONDS)
    (given,) = scores(world, namespace, names)
    assert given != SCORE
    switch.turn("Enforce")
    soon_at(world, namespace, names, SCORE)


def test_a_canary_begins_and_ends_with_a_label_of_the_node(
    world: World, release: Release, namespace: str
) -> None:
    start(world, namespace, "db")
    world.running(namespace, "db")
    (given,) = scores(world, namespace, ["db"])
    node = world.pod(namespace, "db").spec.node_name
    with canary_policy(world, namespace, node):
        time.sleep(5)
        assert scores(world, namespace, ["db"]) == {given}
        label(world, node, "true")
        eventually(lambda: scores(world, namespace, ["db"]) == {CANARY_SCORE}, 10)
        label(world, node, None)
        eventually(lambda: scores(world, namespace, ["db"]) == {given}, 10)


@pytest.fixture
def as_it_comes(release: Release) -> Iterator[Release]:
    """The product with the intervals that its chart sets, which other stories shorten."""
    unchanged = replace(release, values=())
    unchanged.install()
    yield unchanged
    release.install()


def test_with_the_charts_own_intervals_a_canary_takes_a_minute_and_is_told_soon_after(
    world: World, as_it_comes: Release, namespace: str
) -> None:
    start(world, namespace, "db")
    world.running(namespace, "db")
    node = world.pod(namespace, "db").spec.node_name
    with canary_policy(world, namespace, node) as name:
        label(world, node, "true")
        eventually(lambda: scores(world, namespace, ["db"]) == {CANARY_SCORE}, 65)
        eventually(lambda: enforced(world, name) == 1, 20)


def enforced(world: World, name: str) -> int:
    """How many containers a ClusterOOMPolicy says that it holds on."""
    found = world.custom.get_cluster_custom_object(GROUP, VERSION, "clusteroompolicies", name)
    return int(found.get("status", {}).get("enforced", 0))


def label(world: World, node: str, value: str | None) -> None:
    world.core.patch_node(node, {"metadata": {"labels": {"canary": value}}})


@contextmanager
def canary_policy(world: World, namespace: str, node: str) -> Iterator[str]:
    """Apply the example of a canary; afterwards no node has its label."""
    try:
        with applied_cluster_policy(world, example("canary", namespace)) as name:
            yield name
    finally:
        label(world, node, None)
