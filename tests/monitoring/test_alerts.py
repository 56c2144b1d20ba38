"""Each alert fires for its case, is silent in the nearest harmless one, and resolves by itself."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.promtool import promtool

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "monitoring" / "rules.yaml"
CASES = sorted((Path(__file__).parent / "cases").glob("OOMWarden*.yaml"))
HEALTHY = Path(__file__).parent / "cases" / "healthy.yaml"
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'
COMPONENTS = ("agent", "operator")


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def alone(case: dict[str, Any]) -> dict[str, Any]:
    """Return a test that also fails if another alert fires, in a cluster with both components."""
    given = str(case["input_series"])
    missing = [each for each in COMPONENTS if f'component="{each}"' not in given]
    series = [f'oomwarden_build_info{{component="{each}"}}' for each in missing]
    case["input_series"] += [{"series": each, "values": "1+0x3000"} for each in series]
    case["promql_expr_test"] = [
        {"expr": FIRING, "eval_time": check["eval_time"], "exp_samples": firing(check)}
        for check in case["alert_rule_test"]
    ]
    return case


def firing(check: dict[str, Any]) -> list[dict[str, Any]]:
    count = len(check.get("exp_alerts", ()))
    labels = f'{{alertname="{check["alertname"]}"}}'
    return [{"labels": labels, "value": count}] if count else []


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    code, said = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert code == 0, said


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_an_alert_fires_for_its_case_alone(path: Path, tmp_path: Path) -> None:
    content = load(path)
    content["rule_files"] = [str(RULES)]
    content["tests"] = [alone(case) for case in content["tests"]]
    copy = tmp_path / path.name
    copy.write_text(yaml.safe_dump(content))
    code, said = promtool("test", "rules", copy)
    assert code == 0, said


def test_nothing_fires_in_a_working_cluster() -> None:
    code, said = promtool("test", "rules", HEALTHY)
    assert code == 0, said


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_shows_that_the_alert_fires_resolves_and_is_silent(path: Path) -> None:
    runs = []
    for case in load(path)["tests"]:
        checks = case["alert_rule_test"]
        assert {check["alertname"] for check in checks} == {path.stem}
        runs.append([bool(check.get("exp_alerts")) for check in checks])
    assert any(re.search("TF", "".join("FT"[each] for each in run)) for run in runs)
    assert any(not any(run) for run in runs)


def test_prometheus_accepts_the_configuration_that_the_documentation_shows(tmp_path: Path) -> None:
    page = (RULES.parent / "README.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    config = yaml.safe_load(block)
    # Debian's Prometheus is built without the discovery of Kubernetes.
    assert config["scrape_configs"][0].pop("kubernetes_sd_configs")
    (tmp_path / RULES.name).write_text(RULES.read_text())
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    code, said = promtool("check", "config", tmp_path / "prometheus.yml")
    assert code == 0, said
    assert f"{len(CASES)} rules found" in said
