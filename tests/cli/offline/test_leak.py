import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from oomwarden.cli.offline import usage_sources

from tests.support.command_line import CommandLine

MIB = 1 << 20


class Clock:
    """Time that passes in sleep alone; the last of `most` sleeps is interrupted by Ctrl-C."""

    def __init__(self, most: int | None = None, then: Callable[[], None] = lambda: None) -> None:
        self.now, self.sleeps, self.most, self.then = 1000.0, 0, most, then

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps += 1
        self.then()
        if self.sleeps == self.most:
            raise KeyboardInterrupt


def with_clock(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    monkeypatch.setattr(usage_sources, "time", clock)
    return clock


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """Return six hours of a leak of 12 MiB an hour."""
    path = tmp_path / "usage.csv"
    rows = (f"{each * 60},{(210 * 5 + each) * MIB // 5}\n" for each in range(361))
    path.write_text("time,bytes\n" + "".join(rows))
    return path


def part(out: str, name: str) -> str:
    """Return a part of the text on one line."""
    lines = out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(name))
    more = (line for line in lines[start + 1 :])
    following = []
    for line in more:
        if not line.startswith(" "):
            break
        following.append(line.strip())
    return " ".join([lines[start].removeprefix(name).strip(), *following])


def test_a_file_with_a_leak_gets_a_verdict_its_evidence_and_what_to_do(
    oom: CommandLine, csv: Path
) -> None:
    ran = oom.offline("leak", str(csv), "--limit", "332Mi")
    assert ran.code == 0
    assert part(ran.out, "Verdict") == "Leak"
    evidence = part(ran.out, "Evidence")
    assert evidence.startswith("grew 12Mi an hour for 6 h, from 213Mi to 278Mi")
    assert "to the limit of 332Mi" in evidence
    assert part(ran.out, "Samples") == f"361 in 6 h: {csv}".replace("\n", " ") or str(csv)[-9:]
    assert "page cache" in part(ran.out, "Meaning")
    assert "Less than a day" in part(ran.out, "Meaning")
    assert "heap profile" in part(ran.out, "What to do")
    assert all(len(line) < 80 for line in ran.lines if str(csv.parent) not in line)


def test_json_and_yaml_have_the_figures(oom: CommandLine, csv: Path) -> None:
    found: dict[str, Any] = json.loads(oom.offline("leak", str(csv), "-o", "json").out)
    assert found["pattern"] == "Leak"
    assert found["growthBytesPerHour"] == pytest.approx(12 * MIB, rel=0.01)
    assert (found["limit"], found["secondsToLimit"]) == (None, None)
    assert (found["samples"], found["seconds"], found["skippedLines"]) == (361, 21600, 0)
    assert yaml.safe_load(oom.offline("leak", str(csv), "-o", "yaml").out) == found
    limited = json.loads(oom.offline("leak", str(csv), "--limit", "332Mi", "-o", "json").out)
    assert limited["limit"] == "332Mi"
    assert limited["secondsToLimit"] == pytest.approx(4.5 * 3600, rel=0.1)


def test_lines_that_cannot_be_read_are_counted(oom: CommandLine, csv: Path) -> None:
    with csv.open("a") as file:
        file.write("21700,\x1b[2Jmuch5\n21800\n")
    ran = oom.offline("leak", str(csv))
    skipped = part(ran.out, "Skipped")
    assert skipped.startswith("2 lines; the first is line 363: '\\x1b[2Jmuch5' is not a quantity")
    found = json.loads(oom.offline("leak", str(csv), "-o", "json").out)
    assert (found["skippedLines"], found["firstSkipped"]["line"]) == (2, 363)


def test_an_answer_of_prometheus_is_read(oom: CommandLine, tmp_path: Path) -> None:
    values = [[each * 60, str(200 * MIB)] for each in range(60)]
    answer = {"status": "success", "data": {"result": [{"metric": {}, "values": values}]}}
    path = tmp_path / "answer.json"
    path.write_text(f"\n{json.dumps(answer)}")
    assert part(oom.offline("leak", str(path)).out, "Verdict") == "Steady"


def test_standard_input_is_read(
    oom: CommandLine, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stdin:
        buffer = io.BytesIO(csv.read_bytes())

    monkeypatch.setattr("sys.stdin", Stdin())
    ran = oom.offline("leak", "-")
    assert part(ran.out, "Samples").endswith("standard input")


def test_a_process_is_watched_until_the_time_is_over(
    oom: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = with_clock(monkeypatch, Clock())
    ran = oom.offline("leak", "--pid", str(os.getpid()), "--for", "10m", "--interval", "30s")
    assert part(ran.out, "Samples").startswith("21 in 10 min: process")
    assert clock.now == 1000 + 21 * 30
    assert ran.err == ""


def test_ctrl_c_gives_the_verdict_so_far(oom: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    with_clock(monkeypatch, Clock(most=5))
    ran = oom.offline("leak", "--pid", str(os.getpid()))
    assert ran.code == 0
    assert part(ran.out, "Samples").startswith("5 in 60 s")


def test_a_process_that_exits_gives_the_verdict_so_far(
    oom: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "proc/77"
    folder.mkdir(parents=True)
    (folder / "statm").write_text("900 700 1 1 0 1 0\n")
    (folder / "comm").write_text("py\x1b[2J\n")
    monkeypatch.setattr(usage_sources, "_PROC", tmp_path / "proc")
    clock = Clock(then=lambda: (folder / "statm").unlink() if clock.sleeps == 3 else None)
    with_clock(monkeypatch, clock)
    ran = oom.offline("leak", "--pid", "77")
    assert part(ran.out, "Note") == "the process has exited"
    assert part(ran.out, "Samples") == "3 in 30 s: process 77 (py\\x1b[2J), resident memory"


def test_progress_is_shown_on_a_terminal_alone(
    oom: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_clock(monkeypatch, Clock())
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    ran = oom.offline("leak", "--pid", str(os.getpid()), "--for", "1m", "--interval", "30s")
    assert "30s of 60s; Ctrl-C for the verdict so far" in ran.err
    assert ran.err.endswith("\r\x1b[K")


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        ((), "give a file, --pid or --pod", 2),
        (("x.csv", "--pid", "1"), "give a file, --pid or --pod", 2),
        (("/nonexistent",), "cannot read /nonexistent: No such file or directory", 1),
        (("/",), "cannot read /: Is a directory", 1),
        (("/dev/null",), "/dev/null has no samples", 1),
        (("x.csv", "--limit", "much"), "--limit: 'much' is not a quantity", 2),
        (("x.csv", "--limit", "0"), "--limit has to be more than 0", 2),
        (("x.csv", "-c", "app"), "-n and -c belong to --pod", 2),
        (("--pid", "999999999"), "there is no process 999999999", 1),
        (("--pid", "1", "--for", "soon"), "'soon' is not a duration", 2),
        (("--pid", "1", "--for", "1m", "--interval", "2m"), "--for at least as long", 2),
        (("--pid", "1", "--interval", "0s"), "--interval has to be more than 0s", 2),
    ],
)
def test_bad_input_is_one_sentence(
    oom: CommandLine, arguments: tuple[str, ...], sentence: str, code: int
) -> None:
    ran = oom.offline("leak", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


def test_a_binary_file_is_refused_in_one_sentence(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_bytes(b"\x7fELF\x02\n1,2\n\xff\xfe\x00 3\n5\n")
    ran = oom.offline("leak", str(path))
    assert ran.code == 1
    assert "are no samples (line 1: '\\x7fELF\\x02' has no two columns" in ran.err
    assert ran.err.count("\n") == 1
