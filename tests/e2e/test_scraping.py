"""How the stories' Prometheus finds its targets and is made to hurry."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from e2e.scraping import hurried, job_of
from e2e.world import World

MONITOR: dict[str, Any] = {
    "metadata": {"name": "agents", "namespace": "system"},
    "spec": {
        "namespaceSelector": {"matchNames": ["system"]},
        "selector": {"matchLabels": {"app.kubernetes.io/name": "oomwarden"}},
        "podMetricsEndpoints": [
            {
                "port": "metrics",
                "path": "/metrics",
                "honorLabels": True,
                "relabelings": [{"sourceLabels": ["__meta_x"], "targetLabel": "node"}],
            }
        ],
    },
}
RULES = """\
    - alert: OOMWardenOutboxStuck
      expr: oomwarden_outbox_oldest_record_age_seconds > 10 * 60
      for: 5m
    - alert: OOMWardenKillLoop
      expr: increase(oomwarden_oom_kills_total[30m]) >= 3
    - alert: OOMWardenSwitchedOff
      for: 1d
"""


def world(**configuration: object) -> World:
    facts = {"host": "https://api:6443", "ssl_ca_cert": "/ca", "cert_file": None, "key_file": None}
    found = SimpleNamespace(**(facts | {"api_key": {}} | configuration))
    return cast("World", SimpleNamespace(api=SimpleNamespace(configuration=found)))


def test_alerts_wait_for_seconds_and_conditions_stay_but_that_of_waiting_records() -> None:
    assert hurried(RULES).splitlines() == [
        "    - alert: OOMWardenOutboxStuck",
        "      expr: oomwarden_outbox_oldest_record_age_seconds > 10",
        "      for: 10s",
        "    - alert: OOMWardenKillLoop",
        "      expr: increase(oomwarden_oom_kills_total[30m]) >= 3",
        "    - alert: OOMWardenSwitchedOff",
        "      for: 10s",
    ]


def test_a_monitor_s_selection_and_relabelings_are_those_of_the_job() -> None:
    job = job_of(world(), MONITOR, Path("targets.json"))
    assert job["honor_labels"] is True
    assert job["file_sd_configs"] == [{"files": ["targets.json"]}]
    steps = job["relabel_configs"]
    kept = {each["source_labels"][0]: each["regex"] for each in steps if each.get("action")}
    assert kept["__meta_kubernetes_namespace"] == "system"
    assert kept["__meta_kubernetes_pod_label_app_kubernetes_io_name"] == "oomwarden"
    assert kept["__meta_kubernetes_pod_container_port_name"] == "metrics"
    own = {"source_labels": ["__meta_x"], "target_label": "node"}
    job_label = {"target_label": "job", "replacement": "system/agents"}
    assert steps.index(own) > steps.index(job_label), "a monitor's own relabelings come last"


def test_pods_are_reached_through_the_api_server_with_the_stories_own_identity() -> None:
    job = job_of(world(api_key={"authorization": "Bearer secret"}), MONITOR, Path("targets.json"))
    assert job["tls_config"] == {"ca_file": "/ca"}
    assert job["authorization"] == {"type": "Bearer", "credentials": "secret"}
    *_, path, address = job["relabel_configs"]
    assert path["replacement"] == "/api/v1/namespaces/$1/pods/$2:$3/proxy/metrics"
    assert address == {"target_label": "__address__", "replacement": "api:6443"}
