"""How a Prometheus on this machine scrapes what the chart's PodMonitors select.

The Prometheus operator turns a PodMonitor into a scrape job, and so does this. Pods are reached
through the API server, as only that can be reached on each kind of cluster.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from e2e.world import World

Config = dict[str, Any]
SECONDS = 2
"""Between two scrapes."""
WAIT = 5
"""Seconds that alerts wait in stories, instead of minutes or hours."""
_ROOT = Path(__file__).resolve().parent.parent
_MONITORS = _ROOT / "deploy/monitoring/podmonitor.yaml"
_RULES = _ROOT / "deploy/monitoring/rules.yaml"
_META = "__meta_kubernetes_"


def configuration(world: World, rules: Path) -> Config:
    """Return the configuration of a Prometheus that scrapes agents and operator.

    Args:
        world: The cluster.
        rules: Where a copy of the alert rules is written, with short waits.
    """
    rules.write_text(hurried(_RULES.read_text(encoding="utf-8")), encoding="utf-8")
    monitors = yaml.safe_load_all(_MONITORS.read_text(encoding="utf-8"))
    return {
        "global": {
            "scrape_interval": f"{SECONDS}s",
            "scrape_timeout": f"{SECONDS}s",
            "evaluation_interval": "1s",
        },
        "rule_files": [str(rules)],
        "scrape_configs": [job_of(world, monitor) for monitor in monitors],
    }


def hurried(rules: str) -> str:
    """Return alert rules that wait for seconds.

    Conditions stay as they are but one: records need not have waited for minutes.
    """
    short = re.sub(r"\bfor: \w+", f"for: {WAIT}s", rules)
    return re.sub(r"(oldest_record_age_seconds >) \d+ \* 60", rf"\1 {WAIT}", short)


def job_of(world: World, monitor: Config) -> Config:
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
        "kubernetes_sd_configs": [
            {
                "role": "pod",
                "api_server": world.api.configuration.host,
                "namespaces": {"names": spec["namespaceSelector"]["matchNames"]},
                **trust,
            }
        ],
        "relabel_configs": [
            *_selection(spec["selector"]["matchLabels"], endpoint["port"]),
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


def _selection(labels: dict[str, str], port: str) -> list[Config]:
    """Return what keeps the running pods with these labels, and of them this port."""
    wanted = {
        f"pod_label_{re.sub('[^a-zA-Z0-9_]', '_', name)}": value for name, value in labels.items()
    }
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
