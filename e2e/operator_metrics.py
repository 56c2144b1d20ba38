"""The operator's /metrics, read through the API server as a client without a network path does."""

from prometheus_client.parser import text_string_to_metric_families

from e2e.world import NAMESPACE, World

Values = dict[tuple[str, ...], float]
"""Values by the name of the sample and the values of its labels."""


def operator_metrics(world: World) -> Values:
    """Scrape the operator; the port is the pod's only one."""
    selector = "app.kubernetes.io/component=operator"
    (pod,) = world.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items
    return metrics_of(world, pod.metadata.name)


def metrics_of(world: World, pod: str) -> Values:
    """Scrape one of several operators."""
    page = world.core.connect_get_namespaced_pod_proxy_with_path(pod, NAMESPACE, "metrics")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
