"""What we ship fits the schemas of each supported Kubernetes. Needs no cluster.

A file that is added to e2e/values is one more set of values to render and lint.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e import kubeconform
from e2e.chart import CHART, run
from e2e.lab import versions

ROOT = CHART.parent.parent
VALUES = (None, *sorted((ROOT / "e2e" / "values").glob("*.yaml")))
"""Sets of values: the defaults, and each file of the folder."""
MONITORING = ("--api-versions", "monitoring.coreos.com/v1")
RULES = ROOT / "deploy" / "monitoring" / "rules.yaml"
"""Prometheus's own format, which tests/monitoring checks."""
PLAIN = [
    *(path for top in ("deploy", "examples") for path in sorted((ROOT / top).rglob("*.yaml"))),
    ROOT / "e2e" / "demo.yaml",
    ROOT / "e2e" / "demo-kill.yaml",
]
PLAIN.remove(RULES)
NEWEST = versions.SUPPORTED_KUBERNETES[-1]

each_version = pytest.mark.parametrize("version", versions.SUPPORTED_KUBERNETES)
each_values = pytest.mark.parametrize(
    "values", VALUES, ids=lambda path: path.stem if path else "defaults"
)


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    kubeconform.write_schemas(folder)
    return folder


def options(values: Path | None) -> tuple[str, ...]:
    return ("--values", str(values)) if values else ()


def rendered(version: str, *more: str) -> str:
    where = ("--namespace", "system", "--kube-version", version)
    done = run("template", "oomwarden", str(CHART), *where, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


@each_version
@each_values
@pytest.mark.parametrize("monitoring", [(), MONITORING], ids=["plain", "monitoring"])
def test_what_the_chart_renders_fits_the_schemas(
    version: str, values: Path | None, monitoring: tuple[str, ...], schemas: Path, tmp_path: Path
) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered(version, *options(values), *monitoring))
    assert kubeconform.check(version, [file], schemas) == []


@each_version
def test_plain_manifests_and_examples_fit_the_schemas(version: str, schemas: Path) -> None:
    assert kubeconform.check(version, PLAIN, schemas) == []


@each_values
def test_the_chart_lints_strictly_with_each_set_of_values(values: Path | None) -> None:
    done = run("lint", "--strict", str(CHART), "--kube-version", NEWEST, *options(values))
    assert done.returncode == 0, done.stdout


def test_the_chart_refuses_a_kubernetes_that_is_too_old() -> None:
    done = run("template", "oomwarden", str(CHART), "--kube-version", "1.32.9")
    assert done.returncode != 0
    assert "kubeVersion: >=1.33.0-0" in done.stderr


def test_the_first_and_the_last_version_render_the_same_objects() -> None:
    """No template decides by the version, so that a cluster's upgrade changes no release."""
    first, *_, last = versions.SUPPORTED_KUBERNETES
    assert rendered(first) == rendered(last)


def deployment(**changes: Any) -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "e2e" / "demo-kill.yaml").read_text())
    assert found["kind"] == "Deployment"
    return dict(found | changes)


def monitor(**changes: Any) -> dict[str, Any]:
    spec = {"selector": {}, "podMetricsEndpoints": [{"port": "metrics"}]}
    meta = {"name": "agents"}
    found = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": meta}
    return found | {"spec": spec} | changes


def policy(**changes: Any) -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "examples" / "protect-a-service.yaml").read_text())
    return dict(found | changes)


WRONG = {
    "unknown field": (deployment(spce={}), "spce"),
    "unknown field below": (deployment(spec={"replcas": 1}), "replcas"),
    "wrong type": (deployment(spec={"replicas": "two"}), "/spec/replicas"),
    "missing metadata": ({"apiVersion": "v1", "kind": "Namespace"}, "metadata"),
    "other version": (deployment(apiVersion="apps/v1beta1"), "could not find schema"),
    "other group": (deployment(apiVersion="apps.example.com/v1"), "apiVersion"),
    "unknown kind": (deployment(kind="Deploymint"), "could not find schema"),
    "unknown field of ours": (policy(spec={"podSelector": {}, "ruels": []}), "ruels"),
    "unknown field of a monitor": (monitor(spec={"selectors": {}}), "selectors"),
    "labels of numbers": (monitor(metadata={"name": "a", "labels": {"a": 1}}), "/metadata"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_object_that_does_not_fit_is_named(name: str, schemas: Path, tmp_path: Path) -> None:
    document, expected = WRONG[name]
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump_all([deployment(), monitor(), policy(), document]))
    (complaint,) = kubeconform.check(NEWEST, [file], schemas)
    assert expected in complaint
