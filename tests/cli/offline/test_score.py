import json
import os
from pathlib import Path

import pytest
import yaml
from oomwarden.cli.offline import score

from tests.support.command_line import CommandLine

PAPER = ("score", "--usage", "2Gi", "--total", "8Gi")


def row(lines: list[str], name: str) -> str:
    return next(line for line in lines if line.startswith(name)).removeprefix(name).strip()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the /proc of a machine with 1 GiB and four processes, one a kernel thread."""
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "meminfo").write_text("MemTotal: 1048576 kB\nSwapTotal: 0 kB\n")
    monkeypatch.setattr(score, "_PROC", folder)
    for pid, name, kilobytes, adj in (
        (2, "kthreadd", 0, 0),
        (10, "small", 102400, 0),
        (11, "large\x1b[2J", 204800, 0),
        (12, "never", 409600, -1000),
    ):
        process = folder / str(pid)
        process.mkdir()
        (process / "status").write_text(f"VmRSS:\t{kilobytes} kB\n" if kilobytes else "Name: k\n")
        (process / "oom_score_adj").write_text(f"{adj}\n")
        (process / "oom_score").write_text("731\n" if pid == 10 else "0\n")
        (process / "comm").write_text(f"{name}\n")
    return folder


@pytest.mark.parametrize(
    ("adj", "expected"),
    [((), 250), (("--adj", "-200"), 50), (("--adj", "500"), 750), (("--adj", "-1000"), 0)],
)
def test_the_examples_of_the_well_known_score(
    oom: CommandLine, adj: tuple[str, ...], expected: int
) -> None:
    ran = oom.offline(*PAPER, *adj)
    assert ran.code == 0
    assert row(ran.lines, "Score") == f"{expected} of 1000"


def test_the_arithmetic_is_shown_step_by_step(oom: CommandLine) -> None:
    ran = oom.offline(*PAPER, "--adj", "-200")
    assert row(ran.lines, "  memory of total") == "2Gi x 1000 / 8Gi = 250"
    assert row(ran.lines, "  together") == "250 - 200 = 50"
    if os.sysconf("SC_PAGE_SIZE") == 4096:
        badness = row(ran.lines, "Kernel's badness")
        assert badness == "104888 pages (410Mi); the highest is killed"
        assert row(ran.lines, "/proc/PID/oom_score") == "700, since Linux 5.9"
    assert row(ran.lines, "  before 5.9") == "50"
    assert "Nice values" in ran.out


def test_a_negative_badness_is_shown_as_the_kernel_compares_it(oom: CommandLine) -> None:
    ran = oom.offline("score", "--usage", "1Gi", "--total", "8Gi", "--adj", "-500")
    assert row(ran.lines, "Score") == "0 of 1000"
    assert row(ran.lines, "  together") == "125 - 500 = -375, cut to 0"
    assert row(ran.lines, "Kernel's badness").startswith("-")


def test_a_process_that_is_never_killed_has_no_badness(oom: CommandLine) -> None:
    ran = oom.offline(*PAPER, "--adj", "-1000")
    assert row(ran.lines, "Kernel's badness") == "none: the kernel skips it"
    assert "0 for what is never killed" in ran.out


def test_a_live_process_is_compared_with_the_kernel(oom: CommandLine, machine: Path) -> None:
    assert machine
    ran = oom.offline("score", "--pid", "10")
    assert row(ran.lines, "Process") == "10 (small)"
    assert row(ran.lines, "  the kernel shows") == "731, the same"
    other = oom.offline("score", "--pid", "11")
    assert row(other.lines, "Process") == "11 (large\\x1b[2J)"
    assert row(other.lines, "  the kernel shows").startswith("0: not the same")


def test_this_very_process_agrees_with_the_kernel(oom: CommandLine) -> None:
    found = json.loads(oom.offline("score", "--pid", str(os.getpid()), "-o", "json").out)
    assert abs(found["oomScore"]["computed"] - found["oomScore"]["kernel"]) <= 1
    assert found["pid"] == os.getpid()


def test_all_processes_are_ranked_as_the_kernel_would_choose(
    oom: CommandLine, machine: Path
) -> None:
    assert machine
    ran = oom.offline("score", "--all")
    assert [line.split()[:2] for line in ran.lines[1:]] == [
        ["11", "large\\x1b[2J"],
        ["10", "small"],
        ["12", "never"],
    ]
    assert ran.lines[3].split()[5] == "never"
    wide = oom.offline("score", "--all", "-o", "wide", "--top", "1")
    assert wide.lines[0].split()[-1] == "COMPUTED"
    assert len(wide.lines) == 2


def test_all_as_json_yaml_and_names(oom: CommandLine, machine: Path) -> None:
    assert machine
    found = json.loads(oom.offline("score", "--all", "-o", "json").out)
    assert [each["pid"] for each in found] == [11, 10, 12]
    assert found[1]["resident"] == 102400 << 10
    assert yaml.safe_load(oom.offline("score", "--all", "-o", "yaml").out) == found
    assert oom.offline("score", "--all", "-o", "name", "--top", "2").out == "11\n10\n"


def test_all_of_this_machine_is_answered(oom: CommandLine) -> None:
    ran = oom.offline("score", "--all", "--top", "0", "--no-headers")
    assert ran.code == 0
    assert len(ran.lines) >= 1


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        ((), "give --usage and --total, or --pid, or --all", 2),
        (("--all", "--pid", "1"), "give --usage and --total, or --pid, or --all", 2),
        (("--usage", "2Gi"), "give both --usage and --total", 2),
        (("--usage", "9Gi", "--total", "8Gi"), "--usage 9Gi is more than --total 8Gi", 2),
        (("--usage", "1", "--total", "0"), "less than a page", 2),
        (("--usage", "much", "--total", "8Gi"), "--usage: 'much' is not a quantity", 2),
        (("--usage", "-1", "--total", "8Gi"), "--usage cannot be negative", 2),
        (("--usage", "1", "--total", "8Gi", "--adj", "1001"), "between -1000 and 1000", 2),
        (("--all", "--top", "-1"), "--top cannot be negative", 2),
        (("--pid", "999999999"), "there is no process 999999999", 1),
        (("--pid", "-5"), "there is no process -5", 1),
        (("--pid", "99999999999999999999"), "there is no process", 1),
    ],
)
def test_bad_input_is_one_sentence(
    oom: CommandLine, arguments: tuple[str, ...], sentence: str, code: int
) -> None:
    ran = oom.offline("score", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


def test_a_kernel_thread_and_another_system_are_explained(oom: CommandLine, machine: Path) -> None:
    assert "no memory of its own" in oom.offline("score", "--pid", "2").err
    (machine / "meminfo").unlink()
    assert "need a Linux machine" in oom.offline("score", "--all").err
