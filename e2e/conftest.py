"""Fixtures: a cluster, from the lab or from KUBECONFIG, and the product installed by its chart."""

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
from e2e.mode_switch import ModeSwitch
from e2e.node_access import NodeAccess
from e2e.order import Need
from e2e.refusals import admission_policies_active
from e2e.sharing import plan_for_this_machine
from e2e.times import short_name
from e2e.world import GROUP, STORIES_LAB, STORY, VERSION, Release, World, eventually

ROOT = Path(__file__).resolve().parent.parent

pytest_addoption = scheduling.add_options
pytest_configure = scheduling.configure


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of workers, one per cluster; 0 runs all stories in this process."""
    if all("test_chart" in path for path in config.args):
        return 0
    plan = plan_for_this_machine()
    if plan.reason:
        say(f"All stories run on one cluster: {plan.reason}.")
    return plan.clusters if plan.clusters > 1 else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the cluster's state to the report of a failed story, before the state changes."""
    report = yield
    world = getattr(item, "funcargs", {}).get("control_plane")
    if report.failed and isinstance(world, World):
        name = scheduling.cluster_name(item.config)
        saved = evidence.save(world.cluster, name, f"{short_name(item.nodeid)}-{report.when}")
        report.sections.append((f"cluster {name}; its logs are in {saved.folder}", saved.summary))
    return report


def selected_need(config: pytest.Config) -> Need:
    """Return the largest need of the selected stories."""
    order = config.pluginmanager.get_plugin("story-order")
    assert isinstance(order, scheduling.StoryOrder)
    return order.need


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> World:
    """Return a cluster with a ready API server; the node may be booting, or absent if unneeded."""
    node: NodeNeed = "boots" if selected_need(pytestconfig) == Need.NODE else "is absent"
    cluster = open_cluster(scheduling.cluster_name(pytestconfig), STORIES_LAB, node=node)
    config.load_kube_config(config_file=str(cluster.kubeconfig))
    return World(cluster, client.ApiClient())


@pytest.fixture(scope="session")
def definitions(control_plane: World) -> Release:
    """Install the chart's objects, whether or not there is a node to run its pods."""
    release = Release(control_plane, ROOT / "charts" / "oomwarden")
    release.install_definitions()
    eventually(lambda: admission_policies_active(control_plane.api), every=0.2)
    return release


@pytest.fixture(scope="session")
def world(control_plane: World, pytestconfig: pytest.Config) -> World:
    """Return the cluster once its node is ready."""
    open_cluster(scheduling.cluster_name(pytestconfig), STORIES_LAB)
    return control_plane


@pytest.fixture(scope="session")
def release(world: World, definitions: Release) -> Release:
    """Install the product by its chart, with the image of this checkout."""
    image = world.cluster.build_and_load_image()
    release = replace(definitions, repository=image.repository, tag=image.tag)
    release.install()
    eventually(lambda: all_agents_reported(release))
    return release


def all_agents_reported(release: Release) -> bool:
    """Return whether each agent has written its OOMNode; an agent is ready before that."""
    found = release.world.custom.list_cluster_custom_object(GROUP, VERSION, "oomnodes")["items"]
    written = {each["metadata"]["name"] for each in found if "status" in each}
    nodes = {agent.spec.node_name for agent in release.agents()}
    return bool(nodes) and nodes <= written


@pytest.fixture(scope="module")
def release_with_cgroup_writes(release: Release) -> Iterator[Release]:
    """Install agents that may write to cgroups, and restore the default after the module.

    They also post Events of near misses, and there are two operators, so that no other story has to
    install for that.
    """
    changed = "agent.cgroupWrites=true,agent.nearMisses.eventBudget=20,operator.replicas=2"
    release.install("--set", changed)
    yield release
    release.install()


@pytest.fixture
def switch(world: World, release: Release) -> Iterator[ModeSwitch]:
    """Return the mode switch, and set it back to Enforce afterwards."""
    mode_switch = ModeSwitch(world)
    yield mode_switch
    mode_switch.set_mode("Enforce")


@pytest.fixture(scope="session")
def node_access(world: World, release: Release) -> Iterator[NodeAccess]:
    access = NodeAccess(world)
    access.start()
    yield access
    access.stop()


@pytest.fixture
def api(control_plane: World) -> client.ApiClient:
    """Return the official Kubernetes client, a view that is independent of the product's code."""
    return control_plane.api


@pytest.fixture
def namespace(control_plane: World) -> Iterator[str]:
    """Create a namespace for one story."""
    with fresh_namespace(control_plane) as name:
        yield name


@contextmanager
def fresh_namespace(world: World) -> Iterator[str]:
    """Create a namespace, and delete it without waiting, so that the next story can start."""
    name = f"{STORY}{uuid.uuid4().hex[:8]}"
    world.make_namespace(name)
    yield name
    world.core.delete_collection_namespaced_pod(name, grace_period_seconds=0)
    world.core.delete_namespace(name, grace_period_seconds=0)
