"""YAML in the documentation: policies that `kubectl oom check` accepts, objects, chart values."""

import io
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from oomwarden.cli.main import run

from e2e.lab.tools import PROGRAMS, find_or_build
from tests.support.docs_commands import ROOT
from tools.site.blocks import blocks_of
from tools.site.pages import documented_pages

GROUP = "oomwarden.io/"
BLOCKS = {
    block.name: block
    for page in documented_pages(ROOT)
    for block in blocks_of(page, ROOT)
    if block.language == "yaml"
}
WHOLE = {name: block.text for name, block in BLOCKS.items() if block.mark != "part"}


def documents(text: str) -> list[dict[str, Any]]:
    """Return the documents of a block; each is an object."""
    return list(yaml.safe_load_all(text))


def is_policy(text: str) -> bool:
    return any(str(each.get("apiVersion")).startswith(GROUP) for each in documents(text))


def is_values(text: str) -> bool:
    return not any("apiVersion" in each for each in documents(text))


def refusal_of_policy(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Return what `kubectl oom check` says against a policy; empty if it accepts it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code = run(["check", "-f", "-"])
    return "".join(capsys.readouterr()) if code else ""


def refusal_of_values(text: str, folder: Path) -> str:
    """Return what helm says against values of the chart; empty if it renders."""
    values = folder / "values.yaml"
    values.write_text(text)
    helm = str(find_or_build(PROGRAMS["helm"]))
    command = [helm, "template", "x", "charts/oomwarden", "--kube-version", "1.33.0", "-f", str(values)]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return ran.stderr if ran.returncode else ""


def test_every_block_of_yaml_is_an_object_or_says_that_it_is_a_part_of_one() -> None:
    assert {name: each.mark for name, each in BLOCKS.items() if each.mark not in {None, "part"}} == {}
    for name, block in BLOCKS.items():
        found = documents(block.text)
        assert found, name
        assert all(isinstance(each, dict) for each in found) or block.mark == "part", name


def test_every_policy_is_one_that_the_api_server_accepts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = {name: text for name, text in WHOLE.items() if is_policy(text)}
    refused = {
        name: why
        for name, text in policies.items()
        if (why := refusal_of_policy(text, monkeypatch, capsys))
    }
    assert refused == {}


def test_every_other_object_has_a_kind() -> None:
    others = {name: text for name, text in WHOLE.items() if not is_values(text)}
    assert others
    assert [
        name for name, text in others.items() if any("kind" not in each for each in documents(text))
    ] == []


def test_all_values_are_those_of_the_chart(tmp_path: Path) -> None:
    refused = {
        name: why
        for name, text in WHOLE.items()
        if is_values(text) and (why := refusal_of_values(text, tmp_path))
    }
    assert refused == {}


def test_a_wrong_policy_and_a_wrong_value_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = (
        "apiVersion: oomwarden.io/v1alpha1\nkind: OOMPolicy\nmetadata: {name: x}\n"
        "spec: {podSelector: {}, rules: [{oomScoreAdj: -1000}]}\n"
    )
    assert is_policy(policy)
    assert "-1000" in refusal_of_policy(policy, monkeypatch, capsys)
    assert is_values("agent: {sort: 1}")
    assert "sort" in refusal_of_values("agent: {sort: 1}", tmp_path)
