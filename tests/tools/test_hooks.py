"""Git hooks run what `make check` runs, and GitHub's forms have the shape that GitHub accepts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FORMS = [
    path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"
]


def hooks() -> list[dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert set(config["default_install_hook_types"]) == {"pre-commit", "pre-push"}
    return [hook for repo in config["repos"] for hook in repo["hooks"]]


def test_hooks_run_exactly_the_prerequisites_of_make_check() -> None:
    found = re.search(r"^check:([^#\n]*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    assert sorted(hook["id"] for hook in hooks()) == sorted(found[1].split())


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: str(hook["id"]))
def test_a_hook_only_calls_its_make_target(hook: dict[str, Any]) -> None:
    assert hook["entry"] == f"make --no-print-directory {hook['id']}"
    assert hook["language"] == "system"
    assert hook["always_run"]
    assert not hook["pass_filenames"]
    assert "args" not in hook


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_labelled_fields_with_distinct_ids(form: Path) -> None:
    content = yaml.safe_load(form.read_text())
    assert content["name"]
    assert content["description"]
    fields = [item for item in content["body"] if item["type"] != "markdown"]
    assert all(item["attributes"]["label"] for item in fields)
    ids = [item["id"] for item in fields]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", ["bug_report", "missed_or_misattributed_kill"])
def test_reports_of_problems_ask_for_versions_objects_and_the_agents_log(name: str) -> None:
    form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text())
    ids = {item.get("id") for item in form["body"]}
    assert {"oomwarden", "kubernetes", "kernel", "oomnode", "oomkill", "log"} <= ids


def test_make_test_runs_every_prerequisite_of_make_check_and_measures_its_unit_tests() -> None:
    makefile = (ROOT / "Makefile").read_text()
    found = re.search(r"^check:([^#\n]*)", makefile, re.MULTILINE)
    phases = re.search(r"tools/phases\.py (.*)$", makefile, re.MULTILINE)
    assert found
    assert phases
    measured = {"coverage" if target == "unit" else target for target in found[1].split()}
    assert measured <= set(phases[1].split())
    assert re.search(r"^unit:\n\t@\$\(RUN\) \$\(UNIT\)$", makefile, re.MULTILINE)
    assert re.search(r"^coverage:.*\n\t@\$\(RUN\) \$\(UNIT\) --cov$", makefile, re.MULTILINE)
