"""What the chart renders for a monitoring stack. Needs no cluster."""

import json
from typing import Any

import pytest
import yaml

from e2e.chart import CHART, of_kind, rendered, run, settings

MONITORS = ("PodMonitor", "ServiceMonitor")
WORKLOADS = {"agent": "DaemonSet", "operator": "Deployment"}
ON = {kind: f"monitoring.{kind[0].lower()}{kind[1:]}.enabled=true" for kind in MONITORS}
RULE = "monitoring.prometheusRule"
RULE_ON = f"{RULE}.enabled=true"


def template_of(component: str, *values: str) -> dict[str, Any]:
    (workload,) = of_kind(WORKLOADS[component], *values)
    found: dict[str, Any] = workload["spec"]["template"]
    return found


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    assert set(selector) == {"matchLabels"}
    return bool(selector["matchLabels"].items() <= labels.items())


def endpoint_of(monitor: dict[str, Any]) -> dict[str, Any]:
    spec = monitor["spec"]
    (found,) = spec.get("podMetricsEndpoints") or spec["endpoints"]
    return dict(found)


def rules(*values: str) -> dict[str, dict[str, Any]]:
    (rule,) = of_kind("PrometheusRule", RULE_ON, *values)
    groups = rule["spec"]["groups"]
    assert all(group["rules"] for group in groups)
    return {each["alert"]: each for group in groups for each in group["rules"]}


def test_by_default_nothing_needs_a_monitoring_stack() -> None:
    groups = {each["apiVersion"].partition("/")[0] for each in rendered()}
    assert "monitoring.coreos.com" not in groups
    assert [each["metadata"]["name"] for each in of_kind("ConfigMap")] == ["oomwarden-pressure"]
    assert not any("annotations" in template_of(each)["metadata"] for each in WORKLOADS)
    assert of_kind("Service") == []


@pytest.mark.parametrize("kind", MONITORS)
@pytest.mark.parametrize("component", WORKLOADS)
def test_a_monitor_selects_the_pods_of_one_component_and_a_port_that_they_have(
    kind: str, component: str
) -> None:
    (monitor,) = (
        each
        for each in of_kind(kind, ON[kind])
        if each["metadata"]["name"] == f"oomwarden-{component}"
    )
    labels = {name: template_of(name)["metadata"]["labels"] for name in WORKLOADS}
    assert [name for name in labels if selects(monitor["spec"]["selector"], labels[name])] == [
        component
    ]
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["system"]}
    (container,) = template_of(component)["spec"]["containers"]
    assert endpoint_of(monitor)["port"] in {port["name"] for port in container["ports"]}


@pytest.mark.parametrize("component", WORKLOADS)
def test_a_service_for_a_service_monitor_leads_to_the_port_of_its_pods(component: str) -> None:
    (service,) = (
        each
        for each in of_kind("Service", ON["ServiceMonitor"])
        if each["metadata"]["name"] == f"oomwarden-{component}"
    )
    (port,) = service["spec"]["ports"]
    pod = template_of(component)
    (container,) = pod["spec"]["containers"]
    assert {"name": port["targetPort"], "containerPort": port["port"]} in container["ports"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert service["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize("kind", MONITORS)
def test_kills_keep_their_own_labels_and_continue_under_the_nodes_next_agent(kind: str) -> None:
    monitors = of_kind(kind, ON[kind])
    endpoints = [endpoint_of(each) for each in monitors]
    assert all(each["honorLabels"] is True and each["path"] == "/metrics" for each in endpoints)
    node = "__meta_kubernetes_pod_node_name"
    for monitor in monitors:
        is_agent = monitor["metadata"]["name"] == "oomwarden-agent"
        labels = ["node", "instance"] if is_agent else ["node"]
        expected = [{"sourceLabels": [node], "targetLabel": each} for each in labels]
        assert endpoint_of(monitor)["relabelings"] == expected


def test_pods_are_not_scraped_twice_by_one_prometheus() -> None:
    done = run("template", "x", str(CHART), *settings(*ON.values()))
    assert done.returncode != 0
    assert "every kill would be counted twice" in done.stderr


def test_objects_can_be_where_and_what_a_prometheus_selects() -> None:
    paths = ("podMonitor", "prometheusRule", "dashboard")
    where = [f"monitoring.{each}.namespace=monitoring" for each in paths]
    labels = [f"monitoring.{each}.labels.release=kps" for each in paths]
    mine = [f"monitoring.{each}.labels.app\\.kubernetes\\.io/name=x" for each in paths]
    enabled = [f"monitoring.{each}.enabled=true" for each in paths]
    found = [
        each["metadata"]
        for each in rendered(*enabled, *where, *labels, *mine)
        if each["metadata"].get("namespace") == "monitoring"
    ]
    assert len(found) == 4
    assert all(each["labels"]["release"] == "kps" for each in found)
    assert all(each["labels"]["app.kubernetes.io/name"] == "oomwarden" for each in found)


@pytest.mark.parametrize(("component", "port"), [("agent", "9999"), ("operator", "9998")])
def test_scrape_annotations_name_the_port_and_the_users_own_annotations_win(
    component: str, port: str
) -> None:
    on = ("monitoring.scrapeAnnotations=true", f"{component}.port={port}")
    expected = {"scrape": "true", "port": port, "path": "/metrics"}
    prefixed = {f"prometheus.io/{key}": value for key, value in expected.items()}
    assert template_of(component, *on)["metadata"]["annotations"] == prefixed
    own = f"{component}.podAnnotations.prometheus\\.io/path=/federate"
    mine = template_of(component, *on, own)["metadata"]["annotations"]
    assert mine == prefixed | {"prometheus.io/path": "/federate"}


def test_alerts_of_the_chart_are_those_of_the_plain_rule_file() -> None:
    plain = yaml.safe_load((CHART.parent.parent / "deploy/monitoring/rules.yaml").read_text())
    (rule,) = of_kind("PrometheusRule", RULE_ON)
    assert rule["spec"] == plain


def test_single_alerts_can_be_changed_and_left_out() -> None:
    before = rules()
    loop = f"{RULE}.alerts.OOMWardenKillLoop"
    after = rules(
        f"{RULE}.alerts.OOMWardenNearLimit.enabled=false",
        f"{loop}.severity=critical",
        f"{loop}.for=5m",
        f"{RULE}.alertLabels.team=platform",
    )
    assert before.keys() - after.keys() == {"OOMWardenNearLimit"}
    changed = after["OOMWardenKillLoop"]
    assert (changed["for"], changed["labels"]["severity"]) == ("5m", "critical")
    assert all(each["labels"].pop("team") == "platform" for each in after.values())
    others = after.keys() - {"OOMWardenKillLoop"}
    assert {name: after[name] for name in others} == {name: before[name] for name in others}


def test_a_group_without_alerts_is_left_out() -> None:
    outlook = ("OOMWardenNearLimit", "OOMWardenLeakBeforeLimit")
    assert not rules(*(f"{RULE}.alerts.{each}.enabled=false" for each in outlook)).keys() & {
        *outlook
    }


@pytest.mark.parametrize(
    ("threshold", "alert", "expected"),
    [
        ("killLoopKills=5", "OOMWardenKillLoop", ">= 5"),
        ("killLoopMinutes=90", "OOMWardenKillLoop", "[90m]"),
        ("nearLimitPercent=95", "OOMWardenNearLimit", "> 95"),
        ("leakHours=24", "OOMWardenLeakBeforeLimit", "< 24 * 3600"),
        ("outboxMinutes=30", "OOMWardenOutboxStuck", "> 30 * 60"),
    ],
)
def test_a_threshold_changes_its_alert(threshold: str, alert: str, expected: str) -> None:
    assert expected not in rules()[alert]["expr"]
    assert expected in rules(f"{RULE}.thresholds.{threshold}")[alert]["expr"]


def test_runbooks_can_be_anywhere() -> None:
    url = "https://wiki.example.com/oom?alert={alert}&x=1"
    # Braces are Helm's syntax of lists, and commas separate values.
    found = rules(f"{RULE}.runbookUrl={url}")["OOMWardenNoAgents"]
    expected = "https://wiki.example.com/oom?alert=OOMWardenNoAgents&x=1"
    assert found["annotations"]["runbook_url"] == expected


def test_the_dashboard_is_loaded_by_grafanas_sidecar() -> None:
    (config,) = (
        each
        for each in of_kind("ConfigMap", "monitoring.dashboard.enabled=true")
        if each["metadata"]["name"] == "oomwarden-dashboard"
    )
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    source = json.loads((CHART / "files" / "dashboard.json").read_text())
    assert {name: json.loads(text) for name, text in config["data"].items()} == {
        "oomwarden.json": source
    }
