"""The API server refuses, answers late or not at all: records wait, and each is delivered once."""

import time
from collections.abc import Iterator

import pytest

from e2e.faulty_webhook import FaultyWebhook, faulty_webhook
from e2e.log_lines import log_lines
from e2e.node_access import KillAudit, NodeAccess
from e2e.workloads import hog, pod
from e2e.world import Release, World, eventually

ANSWERS = ("403", "404", "409", "410", "429", "500", "hang")


@pytest.fixture(scope="module")
def webhook(release: Release) -> Iterator[FaultyWebhook]:
    faulty = faulty_webhook(release)
    faulty.start()
    yield faulty
    faulty.stop()


@pytest.mark.xdist_group("refuser")
def test_a_temporarily_refused_record_is_delivered_once_whatever_the_answer(
    world: World, node_access: NodeAccess, webhook: FaultyWebhook, namespace: str
) -> None:
    audit = KillAudit(node_access, namespace)
    with webhook.refusing({f"waits-{how}": how for how in ANSWERS}):
        for how in ANSWERS:
            world.apply(pod(namespace, f"waits-{how}", hog(world.cluster.busybox_image)))
        eventually(lambda: set(webhook.answer_counts()) >= set(ANSWERS), 120, every=3)
        assert world.kills(namespace) == []
    audit.check(pods=len(ANSWERS))


def test_records_are_delivered_when_a_revoked_permission_is_restored(
    world: World, node_access: NodeAccess, namespace: str, release: Release
) -> None:
    audit = KillAudit(node_access, namespace)
    world.cluster.kubectl(
        "patch", "clusterrole", "oomwarden-agent", "--type=json",
        "-p", '[{"op": "replace", "path": "/rules", "value": []}]',
    )  # fmt: skip
    try:
        world.apply(pod(namespace, "waits", hog(world.cluster.busybox_image)))
        eventually(lambda: node_access.kernel_kills() > audit.kills_before, 60)
        time.sleep(5)
        assert world.kills(namespace) == []
    finally:
        release.install()
    audit.check(pods=1)


@pytest.mark.xdist_group("refuser")
def test_a_record_of_a_deleted_namespace_is_counted_as_undeliverable(
    world: World, node_access: NodeAccess, webhook: FaultyWebhook, namespace: str
) -> None:
    deleted = f"{namespace}-deleted"
    world.make_namespace(deleted)
    audit = KillAudit(node_access, namespace)
    before, tried = undeliverable(world, node_access), webhook.answer_counts()["500"]
    with webhook.refusing({"lost": "500"}):
        world.apply(pod(deleted, "lost", hog(world.cluster.busybox_image)))
        eventually(lambda: node_access.kernel_kills() > audit.kills_before, 60)
        eventually(lambda: webhook.answer_counts()["500"] > tried, 60)
        world.core.delete_namespace(deleted, grace_period_seconds=0)
        eventually(lambda: deleted not in namespaces(world), 90)
    eventually(lambda: given_up(world, deleted) == ["lost"], 60)
    # Other stories' namespaces are deleted too, and the report may lag behind their last kill.
    eventually(lambda: undeliverable(world, node_access) > before, 30)
    world.apply(pod(namespace, "next", hog(world.cluster.busybox_image)))
    eventually(lambda: world.kills(namespace, "next"), 60)


def given_up(world: World, namespace: str) -> list[str]:
    """Return the pods of a namespace whose record the agent has called undeliverable."""
    wanted = {"kind": "OOMKill", "namespace": namespace, "reason": "Undeliverable"}
    lines = log_lines(world, "ds/oomwarden-agent")
    return [line["pod"] for line in lines if wanted.items() <= line.items()]


def undeliverable(world: World, node_access: NodeAccess) -> int:
    """Return the number of records that can never be delivered."""
    kills = world.node_report(node_access.node_name())["status"]["kills"]
    return int(kills.get("undeliverable", 0))


def namespaces(world: World) -> set[str]:
    return {each.metadata.name for each in world.core.list_namespace().items}


def test_every_kill_of_a_storm_is_recorded_after_a_minute_without_the_api_server(
    world: World, node_access: NodeAccess, namespace: str
) -> None:
    audit = KillAudit(node_access, namespace)
    image = world.cluster.busybox_image
    for number in range(5):
        world.apply(pod(namespace, f"loop-{number}", hog(image), restart="Always"))
    eventually(lambda: len(world.kills(namespace)) >= 5, 120)
    node_access.block_api_server(seconds=75)
    time.sleep(80)
    audit.check(pods=5, seconds=180)
