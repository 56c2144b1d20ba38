"""The mode switch reaches every agent within seconds, and a node label selects a canary."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from e2e.conditions import conditions, ready
from e2e.examples import applied_cluster_policy, example
from e2e.mode_switch import ModeSwitch
from e2e.workloads import family, pod, policy
from e2e.world import GROUP, PATIENCE, VERSION, Release, World, eventually

SCORE = -321
CANARY_SCORE = -500
"""The score in examples/canary.yaml."""
SECONDS = 5.0
"""The time in which an agent applies a new mode on an idle machine."""
BURST = 8


def scores(world: World, namespace: str, names: list[str]) -> set[int]:
    """Return the scores of all processes in the containers of these pods."""
    return {score for name in names for score in world.scores(namespace, name, "app").values()}


def apply_policy(world: World, namespace: str, score: int = SCORE) -> None:
    world.apply(policy(namespace, "protect", {"app": "db"}, {"oomScoreAdj": score}))


def start_pods(world: World, namespace: str, *names: str) -> None:
    for name in names:
        world.apply(pod(namespace, name, family(world.cluster.busybox_image), app="db"))


def restarts(release: Release) -> list[tuple[str, int]]:
    return [
        (a.metadata.name, a.status.container_statuses[0].restart_count) for a in release.agents()
    ]


def test_release_restores_scores_within_seconds_and_without_a_rollout(
    world: World, release: Release, switch: ModeSwitch, namespace: str
) -> None:
    start_pods(world, namespace, "db")
    world.wait_until_running(namespace, "db")
    (own_score,) = scores(world, namespace, ["db"])
    apply_policy(world, namespace)
    eventually(lambda: scores(world, namespace, ["db"]) == {SCORE})
    agents = restarts(release)
    turned = switch.set_mode("Release")
    eventually(lambda: scores(world, namespace, ["db"]) == {own_score}, SECONDS, every=0.1)
    assert time.monotonic() - turned < PATIENCE * SECONDS
    switch.set_mode("Enforce")
    eventually(lambda: scores(world, namespace, ["db"]) == {SCORE}, SECONDS, every=0.1)
    assert restarts(release) == agents


def test_pause_changes_neither_new_containers_nor_existing_ones(
    world: World, release: Release, switch: ModeSwitch, namespace: str
) -> None:
    start_pods(world, namespace, "old")
    world.wait_until_running(namespace, "old")
    (own_score,) = scores(world, namespace, ["old"])
    apply_policy(world, namespace)
    eventually(lambda: scores(world, namespace, ["old"]) == {SCORE})
    switch.set_mode("Pause")
    eventually(lambda: paused(world, namespace))
    time.sleep(PATIENCE * SECONDS)
    apply_policy(world, namespace, SCORE + 1)
    start_pods(world, namespace, "new")
    world.wait_until_running(namespace, "new")
    eventually(lambda: paused(world, namespace))
    assert scores(world, namespace, ["old"]) == {SCORE}
    assert scores(world, namespace, ["new"]) == {own_score}
    switch.set_mode("Enforce")
    eventually(lambda: scores(world, namespace, ["old", "new"]) == {SCORE + 1}, SECONDS)


def paused(world: World, namespace: str) -> bool:
    """The status of the policy's current generation reports Pause."""
    generation = world.policy(namespace, "protect")["metadata"]["generation"]
    status = ready(world, namespace, "protect", observedGeneration=generation)
    return any("Pause" in each["message"] for each in conditions({"status": status}).values())


def wait_for_scores(world: World, namespace: str, names: list[str], score: int) -> None:
    """Wait for the score in all pods within one deadline, and check each pod at least once."""
    end = time.monotonic() + PATIENCE * SECONDS
    for name in names:
        left = max(end - time.monotonic(), 0) / PATIENCE
        eventually(partial(world.all_have_score, namespace, name, score), left)


def test_release_takes_effect_during_a_burst_of_starts(
    world: World, release: Release, switch: ModeSwitch, namespace: str
) -> None:
    names = [f"burst-{number}" for number in range(BURST)]
    apply_policy(world, namespace)
    start_pods(world, namespace, *names[: BURST // 2])
    world.wait_until_running(namespace, names[0])
    switch.set_mode("Release")
    start_pods(world, namespace, *names[BURST // 2 :])
    for name in names:
        world.wait_until_running(namespace, name)
    eventually(lambda: SCORE not in scores(world, namespace, names), SECONDS)
    (own_score,) = scores(world, namespace, names)
    assert own_score != SCORE
    switch.set_mode("Enforce")
    wait_for_scores(world, namespace, names, SCORE)


def test_a_canary_starts_and_ends_with_a_node_label(
    world: World, release: Release, namespace: str
) -> None:
    start_pods(world, namespace, "db")
    world.wait_until_running(namespace, "db")
    (own_score,) = scores(world, namespace, ["db"])
    node = world.pod(namespace, "db").spec.node_name
    with canary_policy(world, namespace, node):
        time.sleep(5)
        assert scores(world, namespace, ["db"]) == {own_score}
        label(world, node, "true")
        eventually(lambda: scores(world, namespace, ["db"]) == {CANARY_SCORE}, 10)
        label(world, node, None)
        eventually(lambda: scores(world, namespace, ["db"]) == {own_score}, 10)


@pytest.fixture
def default_intervals(release: Release) -> Iterator[Release]:
    """Install the product with the chart's default intervals, which other stories shorten."""
    unchanged = replace(release, values=())
    unchanged.install()
    yield unchanged
    release.install()


def test_with_default_intervals_a_canary_applies_within_a_minute_and_is_reported_soon_after(
    world: World, default_intervals: Release, namespace: str
) -> None:
    start_pods(world, namespace, "db")
    world.wait_until_running(namespace, "db")
    node = world.pod(namespace, "db").spec.node_name
    with canary_policy(world, namespace, node) as name:
        label(world, node, "true")
        eventually(lambda: scores(world, namespace, ["db"]) == {CANARY_SCORE}, 65)
        eventually(lambda: enforced(world, name) == 1, 20)


def enforced(world: World, name: str) -> int:
    """Return the number of containers that a ClusterOOMPolicy is enforced on, by its status."""
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
