"""How a Prometheus on this machine scrapes what the chart's PodMonitors select.

The Prometheus operator turns a PodMonitor into a scrape job, and so does this. Debian's Prometheus
cannot discover pods, so it reads from a file what a story has found, with the same labels. Pods are
reached through the API server, as only that can be reached on each kind of cluster.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from e2e.world import NAMESPACE, World

Config = dict[str, Any]
SECONDS = 2
"""Between two scrapes."""
WAIT = 10
"""Seconds that alerts wait in stories, instead of minutes or hours."""
_ROOT = Path(__file__).resolve().parent.parent
_MONITORS = _ROOT / "deploy/monitoring/podmonitor.yaml"
_RULES = _ROOT / "deploy/monitoring/rules.yaml"
_META = "__meta_kubernetes_"


def configuration(world: World, folder: Path) -> Config:
    """Return the configuration of a Prometheus that scrapes agents and operator.

    Args:
        world: The cluster.
        folder: For the targets, and for a copy of the alert rules with short waits.
    """
    rules, targets = folder / "rules.yaml", folder / "targets.json"
    targets.write_text(json.dumps(discovered(world)), encoding="utf-8")
    rules.write_text(hurried(_RULES.read_text(encoding="utf-8")), encoding="utf-8")
    monitors = yaml.safe_load_all(_MONITORS.read_text(encoding="utf-8"))
    return {
        "global": {
            "scrape_interval": f"{SECONDS}s",
            "scrape_timeout": f"{SECONDS}s",
            "evaluation_interval": "1s",
        },
        "rule_files": [str(rules)],
        "scrape_configs": [job_of(world, monitor, targets) for monitor in monitors],
    }


def hurried(rules: str) -> str:
    """Return alert rules that wait for seconds.

    Conditions stay as they are but one: records need not have waited for minutes.
    """
    short = re.sub(r"\bfor: \w+", f"for: {WAIT}s", rules)
    return re.sub(r"(oldest_record_age_seconds >) \d+ \* 60", rf"\1 {WAIT}", short)


def discovered(world: World) -> list[Config]:
    """Return the ports of the product's containers with the labels of Prometheus's discovery."""
    return [
        {
            "targets": [f"{pod.status.pod_ip}:{port.container_port}"],
            "labels": _meta(pod, each, port),
        }
        for pod in world.core.list_namespaced_pod(NAMESPACE).items
        for each in pod.spec.containers
        for port in each.ports or ()
    ]


def _meta(pod: Any, container: Any, port: Any) -> dict[str, str]:
    found = {
        "namespace": pod.metadata.namespace,
        "pod_name": pod.metadata.name,
        "pod_node_name": pod.spec.node_name,
        "pod_phase": pod.status.phase,
        "pod_container_name": container.name,
        "pod_container_port_name": port.name,
        "pod_container_port_number": str(port.container_port),
        **{_label(name): value for name, value in pod.metadata.labels.items()},
    }
    return {f"{_META}{name}": value for name, value in found.items()}


def _label(name: str) -> str:
    return f"pod_label_{re.sub('[^a-zA-Z0-9_]', '_', name)}"


def job_of(world: World, monitor: Config, targets: Path) -> Config:
    """Return the scrape job of a PodMonitor with one endpoint."""
    metadata, spec = monitor["metadata"], monitor["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]
    api = urlsplit(world.api.configuration.host)
    trust = _trust(world)
    own = [_relabeling(each) for each in endpoint["relabelings"]]
    return {
        "job_name": f"podMonitor/{metadata['namespace']}/{metadata['name']}/0",
        "honor_labels": endpoint["honorLabels"],
        "scheme": "https",
        **trust,
        "file_sd_configs": [{"files": [str(targets)]}],
        "relabel_configs": [
            *_selection(spec, endpoint["port"]),
            *_labels(f"{metadata['namespace']}/{metadata['name']}", endpoint["port"]),
            *own,
            *_way(api.netloc, endpoint["path"]),
        ],
    }


def _trust(world: World) -> Config:
    found = world.api.configuration
    tls = {"ca_file": found.ssl_ca_cert, "cert_file": found.cert_file, "key_file": found.key_file}
    config: Config = {"tls_config": {key: value for key, value in tls.items() if value}}
    kind, _, token = found.api_key.get("authorization", "").partition(" ")
    return config | ({"authorization": {"type": kind, "credentials": token}} if token else {})


def _selection(spec: Config, port: str) -> list[Config]:
    """Return what keeps the running pods that a PodMonitor selects, and of them this port."""
    (namespace,) = spec["namespaceSelector"]["matchNames"]
    labels = spec["selector"]["matchLabels"].items()
    wanted = {"namespace": namespace} | {_label(name): value for name, value in labels}
    kept = [
        {"source_labels": [f"{_META}{name}"], "regex": re.escape(value), "action": "keep"}
        for name, value in {**wanted, "pod_container_port_name": port}.items()
    ]
    over = {"source_labels": [f"{_META}pod_phase"], "regex": "Failed|Succeeded", "action": "drop"}
    return [over, *kept]


def _labels(job: str, port: str) -> list[Config]:
    """Return what sets the labels that the Prometheus operator gives a target."""
    copied = {"namespace": "namespace", "pod": "pod_name", "container": "pod_container_name"}
    return [
        *(
            {"source_labels": [f"{_META}{source}"], "target_label": label}
            for label, source in copied.items()
        ),
        {"target_label": "job", "replacement": job},
        {"target_label": "endpoint", "replacement": port},
    ]


def _relabeling(monitored: Config) -> Config:
    """Return a relabeling of a PodMonitor in Prometheus's own spelling."""
    return {re.sub("[A-Z]", lambda c: f"_{c[0].lower()}", k): v for k, v in monitored.items()}


def _way(api: str, path: str) -> list[Config]:
    """Return what leads through the API server, and keeps the address as the target's name."""
    pod = [f"{_META}namespace", f"{_META}pod_name", f"{_META}pod_container_port_number"]
    proxied = rf"/api/v1/namespaces/$1/pods/$2:$3/proxy{path}"
    return [
        {
            "source_labels": ["instance", "__address__"],
            "regex": ";(.+)",
            "target_label": "instance",
        },
        {
            "source_labels": pod,
            "regex": "(.+);(.+);(.+)",
            "target_label": "__metrics_path__",
            "replacement": proxied,
        },
        {"target_label": "__address__", "replacement": api},
    ]
