"""Kernel logs from public reports: names, hosts and ids are made up, the form is as reported."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from oomwarden.core.log_text.json_form import facts
from oomwarden.core.log_text.reader import KillReader, read_kills

CASES = sorted((Path(__file__).parent / "cases").iterdir())
KEYS = {
    "total_vm_kB": "totalVmKB",
    "anon_rss_kB": "anonRssKB",
    "limit_of": "limitOf",
    "limit_kB": "limitKB",
    "with_": "with",
    "oom_score_adj": "oomScoreAdj",
}


def read(case: Path) -> list[dict[str, Any]]:
    return [facts(each) for each in read_kills((case / "input.log").read_bytes())]


def test_there_are_cases() -> None:
    assert len(CASES) > 10


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_kill_of_a_public_report_is_read(case: Path) -> None:
    expected = yaml.safe_load((case / "case.yaml").read_text())["expected"]
    found = read(case)
    told = [
        {key: kill[KEYS.get(key, key)] for key in want}
        for kill, want in zip(found, expected, strict=True)
    ]
    assert told == expected


def case(name: str) -> Path:
    (found,) = [each for each in CASES if name in each.name]
    return found


def test_relative_times_are_no_time_since_boot() -> None:
    (kill,) = read(case("relative-times"))
    assert (kill["stamp"], kill["at"], kill["printedTime"]) == (None, None, "Dec 3 03:34")


def test_dropped_messages_before_the_line_are_counted() -> None:
    (kill,) = read(case("dropped-messages"))
    assert kill["droppedMessages"] == 3
    assert kill["chosen"] == 10595


def test_a_field_that_is_cut_off_is_unknown() -> None:
    *_, cut = read(case("fields-missing"))
    assert cut["fileRssKB"] is None
    assert "the end of the line" in cut["missing"]
    assert "whether a cgroup or the machine ran out of memory" in cut["missing"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_where_the_input_is_cut_into_pieces_does_not_matter(case: Path) -> None:
    data = (case / "input.log").read_bytes()
    for size in (1, 7, 64):
        reader = KillReader()
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])
        reader.finish()
        assert [facts(each) for each in reader.kills] == read(case)
