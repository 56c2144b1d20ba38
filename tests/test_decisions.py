"""The decision records have one format, a complete index, and links and paths that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs/decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
SECTIONS = ["Status", "Context", "Decision", "Consequences"]
SUPERSEDED = re.compile(r"Superseded by \[(\d{3})\]\(([^)]+)\) on \d{4}-\d\d-\d\d\b")

each_record = pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)


def title_of(record: Path) -> str:
    return record.read_text().splitlines()[0].removeprefix(f"# {record.name[:3]}. ")


def section(record: Path, name: str) -> str:
    found = re.search(
        rf"^## {name}\n(.*?)(?=^## |\Z)", record.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found
    return found[1].strip()


def test_records_are_numbered_without_gaps() -> None:
    assert [path.name[:4] for path in RECORDS] == [f"{n:03}-" for n in range(1, len(RECORDS) + 1)]
    assert len(RECORDS) >= 30


@each_record
def test_a_record_has_its_number_and_the_four_sections_in_order(record: Path) -> None:
    text = record.read_text()
    assert re.match(rf"# {record.name[:3]}\. \S", text)
    assert re.findall(r"^##? (.*)$", text, re.MULTILINE)[1:] == SECTIONS
    assert all(section(record, name) for name in SECTIONS)


@each_record
def test_a_status_has_a_date_and_names_a_successor_that_agrees(record: Path) -> None:
    status = section(record, "Status")
    assert re.search(r"\bAccepted\son\s\d{4}-\d\d-\d\d\b", status)
    if superseded := SUPERSEDED.match(status):
        successor = FOLDER / superseded[2]
        assert successor.name.startswith(superseded[1])
        assert f"Supersedes [{record.name[:3]}]({record.name})" in section(successor, "Status")
    else:
        assert status.startswith("Accepted on ")


@each_record
def test_links_and_files_that_a_record_names_exist(record: Path) -> None:
    text = record.read_text()
    assert [
        name for name in re.findall(r"\]\(([^)#]+)\)", text) if not (FOLDER / name).exists()
    ] == []
    tops = (ROOT, ROOT / "operator/oomwarden")
    named = re.findall(r"`([\w/]+/[\w.]+\.(?:py|toml|yaml))`", text)
    assert [name for name in named if not any((top / name).exists() for top in tops)] == []


def test_the_index_lists_every_record_with_its_title_and_status() -> None:
    rows = re.findall(r"^\| \[.*$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    expected = []
    for record in RECORDS:
        superseded = SUPERSEDED.match(section(record, "Status"))
        status = f"Superseded by [{superseded[1]}]({superseded[2]})" if superseded else "Accepted"
        expected.append(f"| [{record.name[:3]}]({record.name}) | {title_of(record)} | {status} |")
    assert rows == expected
