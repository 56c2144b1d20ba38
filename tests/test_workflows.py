"""The GitHub workflows pin what they use, have few rights, and run no text from outside."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
USES = re.compile(r"^ *(?:- )?uses: (?P<what>.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
WRITES = {
    "image": {"packages", "id-token", "attestations"},
    "chart": {"packages", "id-token", "attestations"},
    "pypi": {"id-token"},
    "release": {"contents", "id-token", "attestations"},
}
"""What the jobs of the release may write; all others only read."""

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def parsed(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text())
    assert isinstance(found, dict)
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in parsed(path)["jobs"].values():
        yield from job["steps"]


def test_there_are_workflows_for_changes_and_for_releases() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@each_workflow
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(path: Path) -> None:
    used = [each["what"] for each in USES.finditer(path.read_text())]
    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    used = {what["what"] for path in WORKFLOWS for what in USES.finditer(path.read_text())}
    assert len(used) == len({each.partition("@")[0] for each in used})


@each_workflow
def test_a_job_has_the_rights_that_it_needs_and_a_time_limit(path: Path) -> None:
    workflow = parsed(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        rights = job["permissions"]
        assert set(rights.values()) <= {"read", "write"}
        expected = WRITES.get(name, set()) if path.stem == "release" else set()
        assert {right for right, level in rights.items() if level == "write"} == expected
        assert job["timeout-minutes"] <= 90


@each_workflow
def test_no_expression_is_expanded_inside_a_script(path: Path) -> None:
    """A tag's or a branch's name would be run as part of it: scripts get such text as variables."""
    scripts = [step["run"] for step in steps(path) if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


@each_workflow
def test_no_checkout_keeps_credentials(path: Path) -> None:
    checkouts = [step for step in steps(path) if "actions/checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_release_is_only_made_of_a_tag_and_publishes_after_its_check() -> None:
    workflow = parsed(ROOT / ".github/workflows/release.yml")
    assert workflow[True] == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}  # True is YAML's "on"
    jobs = workflow["jobs"]

    def before(name: str) -> set[str]:
        needs = jobs[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct | {each for one in direct for each in before(one)}

    assert {name for name in jobs if "check" not in before(name)} == {"check"}
    # What nobody can take back comes last.
    assert before("pypi") == {"check", "image", "chart", "package", "plugin"}
    assert before("release") == before("pypi") | {"pypi"}


def test_the_scripts_and_targets_that_workflows_call_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for script in (step.get("run", "") for path in WORKFLOWS for step in steps(path)):
        for words in re.findall(r"^make ([a-z0-9 -]+)$", script, re.MULTILINE):
            assert set(words.split()) <= targets
        for module in re.findall(r"python3 -m (tools[\w.]+)", script):
            assert (ROOT / (module.replace(".", "/") + ".py")).exists()
