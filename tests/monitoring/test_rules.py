"""The alerts use metrics of the contract, say what to do, and have a case and a runbook each."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from oomwarden.core.metrics.families.containers import CONTAINER_FAMILIES
from oomwarden.core.metrics.families.nodes import (
    DETECTION_FAMILIES,
    ENFORCEMENT_FAMILIES,
    LEDGER_FAMILIES,
)
from oomwarden.core.metrics.families.operator import OPERATOR_FAMILIES
from oomwarden.core.metrics.families.process import PROCESS_FAMILIES

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "oomwarden"
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/monitoring/rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
FAMILIES = {
    family.name: family
    for family in (
        *CONTAINER_FAMILIES,
        *LEDGER_FAMILIES,
        *ENFORCEMENT_FAMILIES,
        *DETECTION_FAMILIES,
        *OPERATOR_FAMILIES,
        *PROCESS_FAMILIES,
    )
}
OF_TARGET = {"node", "instance", "namespace", "pod"}
every_rule = pytest.mark.parametrize("rule", RULES, ids=NAMES)


def metrics(expression: str) -> list[tuple[str, set[str]]]:
    """Return the metrics that an expression reads, each with the labels that it selects by."""
    found = re.findall(r"\b(oomwarden_\w+)(?:\{([^}]*)\})?", expression)
    return [
        (re.sub("_(count|sum|bucket)$", "", name), set(re.findall(r"(\w+)\s*[=!]", matchers)))
        for name, matchers in found
    ]


def labels_of(expression: str) -> set[str]:
    """Return the labels that an alert of this expression can have."""
    if grouped := re.findall(r" by \(([^)]*)\)", expression):
        return {label for each in grouped for label in each.split(", ")}
    return OF_TARGET.union(*(FAMILIES[name].labels for name, _ in metrics(expression)))


@every_rule
def test_an_alert_reads_metrics_of_the_contract_by_labels_that_they_have(
    rule: dict[str, Any],
) -> None:
    assert metrics(rule["expr"])
    for name, selected in metrics(rule["expr"]):
        assert selected <= set(FAMILIES[name].labels)


@every_rule
def test_the_text_of_an_alert_names_labels_that_it_has(rule: dict[str, Any]) -> None:
    named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert named <= labels_of(rule["expr"])


@every_rule
def test_an_alert_has_a_severity_a_runbook_and_a_command_to_continue_with(
    rule: dict[str, Any],
) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{rule['alert']}.md")
    assert re.search("`(kubectl|journalctl) ", rule["annotations"]["description"])


def test_each_alert_has_a_case_and_each_case_an_alert() -> None:
    cases = {path.stem for path in (ROOT / "tests/monitoring/cases").glob("OOMWarden*.yaml")}
    assert cases == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


def test_each_alert_has_a_runbook_that_the_index_names_and_each_runbook_an_alert() -> None:
    folder = ROOT / "docs" / "runbooks"
    assert {path.stem for path in folder.glob("OOMWarden*.md")} == set(NAMES)
    linked = re.findall(r"\]\((OOMWarden\w+)\.md\)", (folder / "README.md").read_text())
    assert linked == NAMES


def test_the_values_refuse_a_change_to_an_alert_that_does_not_exist() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    monitoring = schema["properties"]["monitoring"]["properties"]
    alerts = monitoring["prometheusRule"]["properties"]["alerts"]
    (known,) = alerts["patternProperties"]
    assert alerts["additionalProperties"] is False
    assert known == f"^OOMWarden({'|'.join(name.removeprefix('OOMWarden') for name in NAMES)})$"


def test_every_threshold_of_the_values_is_used_and_none_is_left_open() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    used = set(re.findall(r"\$\{(\w+)\}", (CHART / "files" / "alerts.yaml").read_text()))
    used.discard("name")  # of the comment that explains it
    assert used == set(values["monitoring"]["prometheusRule"]["thresholds"])
    assert "${" not in (ROOT / "deploy/monitoring/rules.yaml").read_text()


@every_rule
def test_a_runbook_and_the_index_say_the_severity_of_the_alert(rule: dict[str, Any]) -> None:
    name, severity = rule["alert"], rule["labels"]["severity"]
    folder = ROOT / "docs" / "runbooks"
    page = (folder / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    assert re.search(rf"Severity\s+`{severity}`", page)
    assert f"| [{name}]({name}.md) | `{severity}` |" in (folder / "README.md").read_text()
