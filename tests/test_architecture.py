"""docs/architecture.md names modules that exist, and flows that stay short."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "operator/oomwarden"
TEXT = (ROOT / "docs/architecture.md").read_text()


def steps(heading: str) -> list[str]:
    """The modules of a flow's table, in order."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| (\d+) \| `([\w/.]+)` \|", section, re.MULTILINE)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [module for _, module in found]


def test_every_module_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`([a-z_]+/[\w/]+\.py)`", TEXT))
    assert len(named) > 40
    assert {name for name in named if not (PACKAGE / name).exists()} == set()


def test_every_class_that_the_architecture_names_exists() -> None:
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    diagrams = " ".join(re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL))
    named = set(re.findall(r'"([A-Z][A-Za-z]+[a-z][A-Z]?\w*)(?:"|<br/>)', diagrams))
    assert {"Recorder", "Tracker", "ScoreReconciler"} <= named
    assert {name for name in named if f"class {name}" not in source} == set()


def test_a_kill_passes_through_20_modules_at_most_and_a_score_through_14() -> None:
    kill = steps("From a counter to an OOMKill")
    score = steps("From a policy to a score")
    assert 15 < len(kill) == len(set(kill)) <= 20
    assert 10 < len(score) == len(set(score)) <= 14


def test_a_kill_takes_12_shapes_at_most() -> None:
    (sentence,) = re.findall(r"takes these shapes, in order: (.*?)\.\n", TEXT, re.DOTALL)
    shapes = re.findall(r"`(\w+)`", sentence)
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert 8 < len(shapes) == len(set(shapes)) <= 12
    assert [shape for shape in shapes if f"\nclass {shape}" not in source] == []
