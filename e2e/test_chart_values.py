"""The chart's values: a bad one is refused by name, and each is documented. Needs no cluster."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.chart import CHART, pod_of, rendered, run, settings


def refusal(*values: str) -> str:
    done = run("template", "x", str(CHART), *settings(*values))
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("agent.logLevl=info", "'logLevl' not allowed"),
        ("operator.logFormat=logfmt", "/operator/logFormat"),
        ("namespacedFloor=-998", "minimum: got -998, want -997"),
        ("namespacedFloor=none", "/namespacedFloor"),
        ("image.repository=", "/image/repository"),
        ("image.digest=latest", "/image/digest"),
        ("agent.cgroupWrites=yes", "/agent/cgroupWrites': got string, want boolean"),
        ("agent.port=80", "minimum: got 80, want 1,024"),
        ("agent.rank.enabled=maybe", "/agent/rank/enabled"),
        ("agent.rank.port=null", "missing property 'port'"),
        ("agent.rank.port=9808", "agent.rank.port and agent.port must differ"),
        ("agent.maxUnavailable=0%", "/agent/maxUnavailable"),
        ("agent.stateDir=var", "/agent/stateDir"),
        ("agent.resources.limits.memory=lots", "/agent/resources/limits/memory"),
        ("agent.intervals.reportSeconds=0", "minimum: got 0, want 1"),
        ("agent.intervals.lookSeconds=4", "minimum: got 4, want 5"),
        ("agent.nearMisses.eventBudget=-1", "minimum: got -1, want 0"),
        ("agent.nearMisses.eventBudget=null", "missing property 'eventBudget'"),
        ("agent.leaks.eventWithin=soon", "/agent/leaks/eventWithin"),
        ("agent.leaks.eventWithin=30m6h", "/agent/leaks/eventWithin"),
        ("operator.replicas=0", "minimum: got 0, want 1"),
        ("operator.replicas=many", "/operator/replicas': got string, want integer"),
        ("operator.replicas=null", "missing property 'replicas'"),
        ("uninstall.waitSeconds=5", "minimum: got 5, want 10"),
        ("networkPolicy.enabled=maybe", "/networkPolicy/enabled"),
        ("networkPolicy.metricsFrom[0].podSelectr.a=b", "'podSelectr' not allowed"),
        ("agent.seLinuxOptions.kind=spc_t", "'kind' not allowed"),
        ("retention.days=-1", "minimum: got -1, want 0"),
        ("retention.days=4000", "maximum: got 4,000, want 3,650"),
        ("retention.perPod=many", "/retention/perPod': got string, want integer"),
        ("retention.perNamespace=null", "missing property 'perNamespace'"),
        ("retention.perCluster=2000000", "/retention/perCluster': maximum"),
        ("retention.perNode=3", "'perNode' not allowed"),
        ("agent=null", "missing property 'agent'"),
        ("networkPolicy=null", "missing property 'networkPolicy'"),
        ("namespacedFloor=null", "missing property 'namespacedFloor'"),
        ("agent.port=null", "missing property 'port'"),
        ("agent.stateDir=null", "missing property 'stateDir'"),
        ("agent.stateDir=/var//lib", "/agent/stateDir"),
        ("uninstall.putBack=null", "missing property 'putBack'"),
        ("agent.resources.limits.memory=128m", "/agent/resources/limits/memory"),
        ("agent.resources.limits.memory=256", "minimum: got 256"),
        ("agent.resources.limits.memry=1Gi", "'memry' not allowed"),
        ("operator.resources.requests.cpu=-1", "/operator/resources/requests/cpu"),
        ("agent.affinity.nodeAfinity.x=y", "'nodeAfinity' not allowed"),
        ("agent.nodeSelector.kubernetes\\.io/os=windows", "value must be 'linux'"),
        ("agent.podLabels.app\\.kubernetes\\.io/name=x", "/podLabels/app.kubernetes.io~1name"),
        ("operator.podLabels.team=the shop", "/operator/podLabels/team"),
        ("agent.podAnnotations.the team=shop", "'the team' not allowed"),
        ("agent.priorityClassName=Very High", "/agent/priorityClassName"),
        ("fullnameOverride=My_Release", "/fullnameOverride"),
        ("nameOverride=-", "/nameOverride"),
        ("image.repository=registry.example/oomwarden:v1", "/image/repository"),
        ("image.repository=https://registry.example/oomwarden", "/image/repository"),
        ("networkPolicy.metricsFrom[0].ipBlock.except[0]=10.0.0.0/8", "missing property 'cidr'"),
        ("networkPolicy.metricsFrom[0].ipBlock.cidr=10.0.0.1", "/ipBlock/cidr"),
        ("networkPolicy.metricsFrom[0].podSelector.matchlabels.a=b", "'matchlabels' not allowed"),
        ("monitoring.podMonitor.interval=5m", "/monitoring/podMonitor/interval"),
        ("monitoring.serviceMonitor.lables.a=b", "'lables' not allowed"),
        ("monitoring.prometheusRule.alerts.OOMWardenLoop.for=5m", "'OOMWardenLoop' not allowed"),
        ("monitoring.prometheusRule.alerts.OOMWardenKillLoop.for=5", "/OOMWardenKillLoop/for"),
        ("monitoring.prometheusRule.thresholds.nearLimitPercent=70", "minimum: got 70, want 80"),
        ("monitoring.prometheusRule.thresholds.leakHours=null", "missing property 'leakHours'"),
        ("monitoring.prometheusRule.runbookUrl=docs", "/prometheusRule/runbookUrl"),
    ],
)
def test_a_bad_value_is_refused_with_its_name(value: str, message: str) -> None:
    assert message in refusal(value)


@pytest.mark.parametrize(
    "value",
    [
        "agent.resources.limits.memory=1.5Gi",
        "agent.resources.limits.memory=268435456",
        "agent.resources.limits.memory=3e8",
        "agent.resources.limits=null",
        "operator.resources.limits.cpu=.5",
        "agent.resources.limits.ephemeral-storage=1Gi",
        "image.repository=[fd00::1]:5000/tools/oomwarden",
        "image.repository=registry.example:5000/oom_warden",
        "networkPolicy.metricsFrom[0].ipBlock.cidr=fd00::/8",
        "agent.podLabels.example\\.com/team=The_Shop",
    ],
)
def test_a_value_that_kubernetes_accepts_is_accepted(value: str) -> None:
    assert rendered(value, "networkPolicy.enabled=true")


def test_a_node_selector_may_repeat_the_charts_own_label() -> None:
    selector = {"kubernetes.io/os": "linux", "pool": "a"}
    values = ("agent.nodeSelector.kubernetes\\.io/os=linux", "agent.nodeSelector.pool=a")
    assert pod_of("DaemonSet", *values)["nodeSelector"] == selector
    assert pod_of("DaemonSet", "agent.nodeSelector=null")["nodeSelector"] == {
        "kubernetes.io/os": "linux"
    }


def leaves(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in schema.get("properties", {}).items():
        yield f"{path}{name}", child
        yield from leaves(child, f"{path}{name}.")


def documented(lines: list[str]) -> Iterator[str]:
    """Return the paths in values.yaml that have a `# --` comment."""
    above: list[tuple[int, str]] = []
    comment = False
    for line in lines:
        if re.match(r" *# --", line):
            comment = True
        elif found := re.match(r"( *)(\w+):", line):
            depth, name = len(found[1]), found[2]
            above = [*((at, each) for at, each in above if at < depth), (depth, name)]
            if comment:
                yield ".".join(each for _, each in above)
            comment = False


def test_every_value_is_documented_in_values_and_schema_alike() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    described = {path: child for path, child in leaves(schema) if path != "global"}
    assert all("description" in child for child in described.values())
    in_values = set(documented((CHART / "values.yaml").read_text().splitlines()))
    groups = {path for path in described if any(p.startswith(f"{path}.") for p in described)}
    assert in_values == described.keys() - groups
    readme = (CHART / "README.md").read_text()
    assert [path for path in sorted(in_values) if f"`{path}`" not in readme] == []
