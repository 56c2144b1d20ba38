"""The API server says no, late, or nothing: records wait, and each arrives once."""

import time
from collections.abc import Iterator

import pytest

from e2e.refuser import Refuser, refuser_of
from e2e.surgeon import Balance, Surgeon
from e2e.workloads import hog, pod
from e2e.world import Release, World, eventually

ANSWERS = ("403", "404", "409", "410", "429", "500", "hang")


@pytest.fixture(scope="module")
def refuser(release: Release) -> Iterator[Refuser]:
    refuser = refuser_of(release)
    refuser.begin()
    yield refuser
    refuser.end()


@pytest.mark.xdist_group("refuser")
def test_a_record_that_is_refused_for_now_arrives_once_whatever_the_answer(
    world: World, surgeon: Surgeon, refuser: Refuser, namespace: str
) -> None:
    balance = Balance(surgeon, namespace)
    with refuser.refusing({f"waits-{how}": how for how in ANSWERS}):
        for how in ANSWERS:
            world.apply(pod(namespace, f"waits-{how}", hog(world.cluster.busybox_image)))
        eventually(lambda: set(refuser.answered()) >= set(ANSWERS), 120, every=3)
        assert world.kills(namespace) == []
    balance.check(pods=len(ANSWERS))


def test_a_right_that_comes_back_lets_the_records_out(
    world: World, surgeon: Surgeon, namespace: str, release: Release
) -> None:
    balance = Balance(surgeon, namespace)
    world.cluster.kubectl(
        "patch", "clusterrole", "oomwarden-agent", "--type=json",
        "-p", '[{"op": "replace", "path": "/rules", "value": []}]',
    )  # fmt: skip
    try:
        world.apply(pod(namespace, "waits", hog(world.cluster.busybox_image)))
        eventually(lambda: surgeon.kernel_kills() > balance.began, 60)
        time.sleep(5)
        assert world.kills(namespace) == []
    finally:
        release.install()
    balance.check(pods=1)


@pytest.mark.xdist_group("refuser")
def test_a_record_of_a_namespace_that_goes_is_counted_not_awaited(
    world: World, surgeon: Surgeon, refuser: Refuser, namespace: str
) -> None:
    gone = f"{namespace}-gone"
    world.make_namespace(gone)
    balance = Balance(surgeon, namespace)
    before, tried = undeliverable(world, surgeon), refuser.answered()["500"]
    with refuser.refusing({"lost": "500"}):
        world.apply(pod(gone, "lost", hog(world.cluster.busybox_image)))
        eventually(lambda: surgeon.kernel_kills() > balance.began, 60)
        eventually(lambda: refuser.answered()["500"] > tried, 60)
        world.core.delete_namespace(gone, grace_period_seconds=0)
        eventually(lambda: gone not in namespaces(world), 90)
    eventually(lambda: undeliverable(world, surgeon) == before + 1, 90)
    world.apply(pod(namespace, "next", hog(world.cluster.busybox_image)))
    eventually(lambda: world.kills(namespace, "next"), 60)


def undeliverable(world: World, surgeon: Surgeon) -> int:
    """Records that the API server will never take."""
    kills = world.node_report(surgeon.node())["status"]["kills"]
    return int(kills.get("undeliverable", 0))


def namespaces(world: World) -> set[str]:
    return {each.metadata.name for each in world.core.list_namespace().items}


def test_an_api_server_away_for_more_than_a_minute_in_a_storm_is_told_all_of_it(
    world: World, surgeon: Surgeon, namespace: str
) -> None:
    balance = Balance(surgeon, namespace)
    image = world.cluster.busybox_image
    for number in range(5):
        world.apply(pod(namespace, f"loop-{number}", hog(image), restart="Always"))
    eventually(lambda: len(world.kills(namespace)) >= 5, 120)
    surgeon.cut_off(seconds=75)
    time.sleep(80)
    balance.check(pods=5, seconds=180)
