"""The agents of the cluster: their image, and the metric of the one on a node."""

from dataclasses import dataclass

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError
from oomwarden.cli.cluster.release import Survey, pods_selector
from oomwarden.cli.cluster.resources import PODS, with_query
from oomwarden.cli.errors import CliError
from oomwarden.core.history.kill_record import number_at, text_at
from oomwarden.core.kill_test.progress import kills_metric
from oomwarden.core.metrics.families.nodes import RECORDED_KILLS
from oomwarden.core.objects.json_parts import Json, object_at, objects_at

_PORT = 9808
"""The default of the chart."""


@dataclass(frozen=True, slots=True)
class AgentSet:
    """The DaemonSet of the agents.

    Attributes:
        image: The image that they run.
        port: Where they serve /metrics.
        selector: The label selector of their pods.
    """

    namespace: str
    image: str
    port: int
    selector: str


def find_agents(cluster: Cluster) -> AgentSet:
    """Return the agents.

    Raises:
        ForbiddenError: The user may not list DaemonSets.
        CliError: There are none.
    """
    for each in Survey(cluster).agents(None):
        pod = object_at(object_at(object_at(each, "spec"), "template"), "spec")
        for container in objects_at(pod, "containers"):
            if image := text_at(container, "image"):
                namespace = text_at(object_at(each, "metadata"), "namespace") or ""
                return AgentSet(namespace, image, _port(container), pods_selector(each))
    raise CliError(
        "no agents of oomwarden run in this cluster (no DaemonSet has the labels of the chart); "
        "install it with: helm install oomwarden charts/oomwarden -n oomwarden --create-namespace"
    )


def _port(container: Json) -> int:
    ports = (number_at(each, "containerPort") for each in objects_at(container, "ports"))
    return next(filter(None, ports), _PORT)


@dataclass(frozen=True, slots=True)
class MetricReading:
    """The count of kills of one agent.

    Attributes:
        value: None if it could not be read.
        obstacle: Why not; None if it was read.
    """

    value: int | None
    agent: str
    obstacle: str | None = None


def read_metric(cluster: Cluster, agents: AgentSet, node: str) -> MetricReading:
    """Return the count of the agent on a node, through the API server's proxy."""
    try:
        agent = _agent_on(cluster, agents, node)
        if agent is None:
            return MetricReading(None, "", f"no agent runs on {node}")
        path = PODS.path(agents.namespace, f"{agent}:{agents.port}", "proxy") + "/metrics"
        text = cluster.text(path, f"get pods/proxy in namespace {agents.namespace}")
    except ForbiddenError as error:
        return MetricReading(None, "", str(error))
    except CliError as error:
        return MetricReading(None, "", f"the agent's metrics cannot be read: {error}")
    value = kills_metric(text)
    missing = None if value is not None else f"{agent} serves no {RECORDED_KILLS.name}"
    return MetricReading(value, agent, missing)


def _agent_on(cluster: Cluster, agents: AgentSet, node: str) -> str | None:
    query = {"labelSelector": agents.selector, "fieldSelector": f"spec.nodeName={node}"}
    path = with_query(PODS.path(agents.namespace), **query)
    found = cluster.request("GET", path, PODS.right("list", agents.namespace))
    names = (text_at(object_at(each, "metadata"), "name") for each in objects_at(found, "items"))
    return next(filter(None, names), None)
