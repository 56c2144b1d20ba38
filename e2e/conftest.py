"""One cluster for all stories, the lab or the one of KUBECONFIG; the product by its chart."""

import os
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kubernetes import client, config

from e2e.evidence import gather
from e2e.lab import open_cluster
from e2e.surgeon import Surgeon
from e2e.switch_hand import SwitchHand
from e2e.world import STORIES_LAB, STORY, Release, World

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what the cluster says beside a failed story, while it still says it."""
    report = yield
    world = getattr(item, "funcargs", {}).get("world")
    if report.failed and isinstance(world, World):
        report.sections.append(("what the cluster says", gather(world.cluster)))
    return report


@pytest.fixture(scope="session")
def world() -> World:
    """Give the running cluster."""
    cluster = open_cluster(os.environ.get("OOMWARDEN_LAB", "test"), STORIES_LAB)
    config.load_kube_config(config_file=str(cluster.kubeconfig))
    return World(cluster, client.ApiClient())


@pytest.fixture(scope="session")
def release(world: World) -> Release:
    """Give the product as its chart installs it, from the image of this checkout."""
    image = world.cluster.build_and_load_image()
    release = Release(world, ROOT / "charts" / "oomwarden", image.repository, image.tag)
    release.install()
    return release


@pytest.fixture(scope="module")
def writing(release: Release) -> Iterator[Release]:
    """The product with agents that may write to cgroups; put right after the module's stories."""
    release.install("--set", "agent.cgroupWrites=true")
    yield release
    release.install()


@pytest.fixture
def switch(world: World, release: Release) -> Iterator[SwitchHand]:
    """Give a hand on the switch, which is at Enforce again afterwards."""
    hand = SwitchHand(world)
    yield hand
    hand.turn("Enforce")


@pytest.fixture(scope="session")
def surgeon(world: World, release: Release) -> Iterator[Surgeon]:
    surgeon = Surgeon(world)
    surgeon.begin()
    yield surgeon
    surgeon.end()


@pytest.fixture
def api(world: World) -> client.ApiClient:
    """Give the official client, an independent view of what the product wrote."""
    return world.api


@pytest.fixture
def namespace(world: World) -> Iterator[str]:
    """Give a fresh namespace."""
    with fresh_namespace(world) as name:
        yield name


@contextmanager
def fresh_namespace(world: World) -> Iterator[str]:
    """Make a namespace, and have it taken away: the next story does not wait for its pods' end."""
    name = f"{STORY}{uuid.uuid4().hex[:8]}"
    world.core.create_namespace({"metadata": {"name": name}})
    yield name
    world.core.delete_collection_namespaced_pod(name, grace_period_seconds=0)
    world.core.delete_namespace(name, grace_period_seconds=0)
