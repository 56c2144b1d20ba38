"""The chart's values: a bad one is refused with its name, each is documented. Needs no cluster."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.chart import CHART, run, settings


def refused(*values: str) -> str:
    done = run("template", "x", str(CHART), *settings(*values))
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("agent.logLevl=info", "'logLevl' not allowed"),
        ("namespacedFloor=-998", "minimum: got -998, want -997"),
        ("namespacedFloor=none", "/namespacedFloor"),
        ("image.repository=", "/image/repository"),
        ("image.digest=latest", "/image/digest"),
        ("agent.cgroupWrites=yes", "/agent/cgroupWrites': got string, want boolean"),
        ("agent.port=80", "minimum: got 80, want 1,024"),
        ("agent.maxUnavailable=0%", "/agent/maxUnavailable"),
        ("agent.stateDir=var", "/agent/stateDir"),
        ("agent.resources.limits.memory=lots", "/agent/resources/limits/memory"),
        ("agent.intervals.reportSeconds=0", "minimum: got 0, want 1"),
        ("agent.intervals.lookSeconds=4", "minimum: got 4, want 5"),
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
    ],
)
def test_a_bad_value_is_refused_with_its_name(value: str, said: str) -> None:
    assert said in refused(value)


def leaves(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in schema.get("properties", {}).items():
        yield f"{path}{name}", child
        yield from leaves(child, f"{path}{name}.")


def documented(lines: list[str]) -> Iterator[str]:
    """Give the paths of values.yaml that a `# --` comment stands over."""
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
    told = (CHART / "README.md").read_text()
    assert [path for path in sorted(in_values) if f"`{path}`" not in told] == []
