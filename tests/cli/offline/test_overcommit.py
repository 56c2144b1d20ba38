import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from oomwarden.cli.offline import overcommit

from tests.support.command_line import CommandLine

MEMINFO = """\
MemTotal:        8388608 kB
SwapTotal:       2097152 kB
CommitLimit:     6291456 kB
Committed_AS:    3145728 kB
"""
PAPER = ("overcommit", "--ram", "8Gi", "--swap", "2Gi")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the /proc of a machine with mode 2 and a ratio of 50."""
    folder = tmp_path / "proc"
    (folder / "sys/vm").mkdir(parents=True)
    (folder / "meminfo").write_text(MEMINFO)
    settings = {
        "overcommit_memory": 2,
        "overcommit_ratio": 50,
        "overcommit_kbytes": 0,
        "admin_reserve_kbytes": 8192,
        "user_reserve_kbytes": 131072,
    }
    for name, value in settings.items():
        (folder / "sys/vm" / name).write_text(f"{value}\n")
    monkeypatch.setattr(overcommit, "_PROC", folder)
    return folder


def row(lines: list[str], name: str) -> str:
    return next(line for line in lines if line.startswith(name)).removeprefix(name).strip()


def test_the_example_of_a_machine_on_paper(oom: CommandLine) -> None:
    ran = oom.offline(*PAPER, "--mode", "2", "--ratio", "80")
    assert row(ran.lines, "CommitLimit") == "8.4Gi = swap 2Gi + RAM 8Gi x 80 %"
    assert row(ran.lines, "Mode").startswith("2 (never)")
    assert "once 8.4Gi are promised" in ran.out


def test_this_machine_is_compared_with_the_kernels_own_limit(
    oom: CommandLine, machine: Path
) -> None:
    assert machine
    ran = oom.offline("overcommit")
    assert row(ran.lines, "CommitLimit") == "6Gi = swap 2Gi + RAM 8Gi x 50 %"
    assert "the kernel says the same, to the page" in ran.out
    assert row(ran.lines, "Committed_AS").endswith("50% of CommitLimit")
    assert row(ran.lines, "Head-room") == "3Gi, 8Mi of it for CAP_SYS_ADMIN in mode 2"


def test_options_replace_what_was_read(oom: CommandLine, machine: Path) -> None:
    assert machine
    ran = oom.offline("overcommit", "--mode", "1", "--ratio", "80")
    assert row(ran.lines, "Mode") == "1 (always): promises everything"
    assert "the kernel says 6Gi with the settings in force" in ran.out
    assert "No allocation fails" in ran.out


def test_huge_pages_and_kbytes_are_in_the_formula(oom: CommandLine) -> None:
    ran = oom.offline(*PAPER, "--hugepages", "4Gi")
    assert row(ran.lines, "CommitLimit") == "4Gi = swap 2Gi + (RAM 8Gi - huge pages 4Gi) x 50 %"
    ran = oom.offline(*PAPER, "--kbytes", "1048576")
    assert row(ran.lines, "CommitLimit") == "3Gi = swap 2Gi + overcommit_kbytes 1048576Ki"


def test_a_limit_that_the_settings_do_not_explain_is_named(oom: CommandLine, machine: Path) -> None:
    (machine / "meminfo").write_text(MEMINFO.replace("6291456", "6291444"))
    ran = oom.offline("overcommit")
    assert "the kernel says 6Gi: huge pages of other sizes" in ran.out


def test_a_file_of_another_machine_has_no_mode_so_all_are_explained(
    oom: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "meminfo.txt"
    path.write_text(MEMINFO)
    ran = oom.offline("overcommit", "--meminfo", str(path))
    assert row(ran.lines, "Mode").startswith("unknown")
    assert "x 50 %" in ran.out
    assert [line[2] for line in ran.lines if line[:2] == "  " and line[2:3].isdigit()] == list(
        "012012"
    )


def test_a_file_whose_limit_was_set_in_kbytes_is_recognised(
    oom: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "meminfo.txt"
    path.write_text(MEMINFO.replace("6291456", "5000004"))
    assert "no ratio explains" in oom.offline("overcommit", "--meminfo", str(path)).out


def test_standard_input_is_read(oom: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(MEMINFO.encode())

    monkeypatch.setattr("sys.stdin", Stdin())
    assert "6Gi = swap 2Gi" in oom.offline("overcommit", "--meminfo", "-").out


def test_more_promised_than_the_limit_has_no_head_room(oom: CommandLine) -> None:
    ran = oom.offline(*PAPER, "--committed", "9Gi", "--mode", "2")
    assert row(ran.lines, "Head-room") == "none: 3Gi too much"
    assert "every allocation and fork fails" in ran.out


def test_json_and_yaml_have_the_figures_in_bytes(oom: CommandLine, machine: Path) -> None:
    assert machine
    found: dict[str, Any] = json.loads(oom.offline("overcommit", "-o", "json").out)
    expected = {
        "mode": 2,
        "modeName": "never",
        "ram": 8 << 30,
        "commitLimit": 6 << 30,
        "kernelCommitLimit": 6 << 30,
        "committedAS": 3 << 30,
        "headRoom": 3 << 30,
        "adminReserve": 8 << 20,
    }
    assert found | expected == found
    assert yaml.safe_load(oom.offline("overcommit", "-o", "yaml").out) == found


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (("--mode", "3"), "there is no such mode", 2),
        (("--ratio", "-1"), "cannot be negative", 2),
        (("--ratio", "80", "--kbytes", "5"), "either --ratio or --kbytes", 2),
        (("--ram", "8X"), "--ram: '8X' is not a quantity", 2),
        (("--ram", "-8Gi"), "--ram cannot be negative", 2),
        (("--ram", "8Gi", "--hugepages", "9Gi"), "the huge pages are more than the RAM", 2),
        (("--ram", "8Gi", "--meminfo", "x"), "either --meminfo or --ram", 2),
        (("--meminfo", "/nonexistent"), "cannot read /nonexistent: No such file", 1),
        (("--meminfo", "/"), "cannot read /: Is a directory", 1),
        (("--meminfo", "/dev/null"), "is not a /proc/meminfo", 1),
    ],
)
def test_bad_input_is_one_sentence(
    oom: CommandLine, arguments: tuple[str, ...], sentence: str, code: int
) -> None:
    ran = oom.offline("overcommit", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


def test_another_system_is_told_what_to_give(oom: CommandLine, machine: Path) -> None:
    (machine / "meminfo").unlink()
    ran = oom.offline("overcommit")
    assert ran.code == 1
    assert "give --meminfo FILE of a Linux machine, or --ram" in ran.err
