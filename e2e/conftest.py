"""Clusters for the stories, the lab's or the one of KUBECONFIG; the product by its chart."""

import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from kubernetes import client, config

from e2e import evidence, scheduling
from e2e.lab import NodeNeed, open_cluster
from e2e.lab.progress import say
from e2e.order import Need
from e2e.refusals import guarded
from e2e.sharing import share_here
from e2e.surgeon import Surgeon
from e2e.switch_hand import SwitchHand
from e2e.times import short_name
from e2e.world import GROUP, STORIES_LAB, STORY, VERSION, Release, World, eventually

ROOT = Path(__file__).resolve().parent.parent

pytest_addoption = scheduling.add_options
pytest_configure = scheduling.configure


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Take two clusters where the machine is large enough; 0: this process does it all."""
    if all("test_chart" in path for path in config.args):
        return 0
    decided = share_here()
    if decided.because:
        say(f"One cluster runs all stories, as {decided.because}.")
    return decided.clusters if decided.clusters > 1 else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what the cluster says beside a failed story, while it still says it."""
    report = yield
    world = getattr(item, "funcargs", {}).get("control_plane")
    if report.failed and isinstance(world, World):
        name = scheduling.cluster_name(item.config)
        kept = evidence.keep(world.cluster, name, f"{short_name(item.nodeid)}-{report.when}")
        report.sections.append((f"cluster {name}; its logs are in {kept.folder}", kept.said))
    return report


def selected_need(config: pytest.Config) -> Need:
    """Tell what the selected stories need together."""
    order = config.pluginmanager.get_plugin("story-order")
    assert isinstance(order, scheduling.Order)
    return order.need


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> World:
    """Give a cluster whose API server answers; its node still boots, or is absent if unneeded."""
    node: NodeNeed = "boots" if selected_need(pytestconfig) == Need.NODE else "is absent"
    cluster = open_cluster(scheduling.cluster_name(pytestconfig), STORIES_LAB, node=node)
    config.load_kube_config(config_file=str(cluster.kubeconfig))
    return World(cluster, client.ApiClient())


@pytest.fixture(scope="session")
def definitions(control_plane: World) -> Release:
    """Give the chart's objects to the API server, whether or not there is a node to run pods."""
    release = Release(control_plane, ROOT / "charts" / "oomwarden")
    release.define()
    eventually(lambda: guarded(control_plane.api), every=0.2)
    return release


@pytest.fixture(scope="session")
def world(control_plane: World, pytestconfig: pytest.Config) -> World:
    """Give the cluster when its node is ready."""
    open_cluster(scheduling.cluster_name(pytestconfig), STORIES_LAB)
    return control_plane


@pytest.fixture(scope="session")
def release(world: World, definitions: Release) -> Release:
    """Give the product as its chart installs it, from the image of this checkout."""
    image = world.cluster.build_and_load_image()
    release = replace(definitions, repository=image.repository, tag=image.tag)
    release.install()
    eventually(lambda: reported(release))
    return release


def reported(release: Release) -> bool:
    """Each agent has written its OOMNode: it is ready before that."""
    found = release.world.custom.list_cluster_custom_object(GROUP, VERSION, "oomnodes")["items"]
    written = {each["metadata"]["name"] for each in found if "status" in each}
    nodes = {agent.spec.node_name for agent in release.agents()}
    return bool(nodes) and nodes <= written


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
def api(control_plane: World) -> client.ApiClient:
    """Give the official client, an independent view of what the product wrote."""
    return control_plane.api


@pytest.fixture
def namespace(control_plane: World) -> Iterator[str]:
    """Give a fresh namespace."""
    with fresh_namespace(control_plane) as name:
        yield name


@contextmanager
def fresh_namespace(world: World) -> Iterator[str]:
    """Make a namespace, and have it taken away: the next story does not wait for its pods' end."""
    name = f"{STORY}{uuid.uuid4().hex[:8]}"
    world.make_namespace(name)
    yield name
    world.core.delete_collection_namespaced_pod(name, grace_period_seconds=0)
    world.core.delete_namespace(name, grace_period_seconds=0)
