import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from oomwarden.cli.commands import report as command

from tests.support.command_line import CommandLine
from tests.support.kill_objects import oomkill
from tests.support.many_kills import NOW, many_kills

NODES = "/apis/oomwarden.io/v1alpha1/oomnodes"
ALL_KILLS = "/apis/oomwarden.io/v1alpha1/oomkills"


@pytest.fixture(autouse=True)
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        @staticmethod
        def now(_: object) -> Any:  # noqa: ANN401 - as datetime's
            return NOW

    monkeypatch.setattr(command, "datetime", Clock)


@pytest.fixture
def busy(oom: CommandLine) -> CommandLine:
    oom.cluster.add(*many_kills(40))
    return oom


def test_a_page_is_written_to_a_pipe(busy: CommandLine) -> None:
    ran = busy("report", "-A")
    assert ran.code == 0
    assert ran.out.startswith('<!doctype html>\n<html lang="en">')
    assert ran.out.endswith("</html>\n")
    assert "all namespaces" in ran.out


def test_on_a_terminal_the_page_is_written_to_a_file_that_is_named(
    busy: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ran = busy("report", "-n", "shop")
    assert ran.out == ""
    assert ran.err.startswith("Wrote oom-report-shop-2026-11-29.html (")
    assert ran.err.endswith(", namespace shop.\n")
    assert (tmp_path / "oom-report-shop-2026-11-29.html").read_text().endswith("</html>\n")


def test_a_named_file_is_written_and_a_dash_is_standard_output(
    busy: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "week.html"
    written = busy("report", "-A", "--file", str(path))
    assert written.out == ""
    assert path.read_text() == busy("report", "-A", "--file", "-").out


def test_a_file_that_cannot_be_written_is_named(busy: CommandLine, tmp_path: Path) -> None:
    ran = busy("report", "--file", str(tmp_path / "no" / "folder.html"))
    assert ran.code == 1
    assert ran.err.endswith("folder.html: No such file or directory\n")


def test_json_and_yaml_have_the_same_figures(busy: CommandLine) -> None:
    found = json.loads(busy("report", "-A", "-o", "json").out)
    assert yaml.safe_load(busy("report", "-A", "-o", "yaml").out) == found
    assert found["kind"] == "OOMReport"
    assert found["scope"] == "all namespaces"
    assert found["period"] == {"start": "2026-11-22T10:07:00Z", "end": "2026-11-29T10:07:00Z"}
    assert found["figures"].keys() == {"kills", "records", "workloads", "pods", "nodes"}
    assert found["figures"]["kills"] == sum(each["kills"] for each in found["causes"])
    assert found["overTime"][0].keys() == {"start", "end", "causes"}
    assert found["workloads"][0].keys() == {
        "namespace", "workload", "kills", "previousKills", "pods", "containers", "causes",
        "limitsBytes", "last", "overTime",
    }  # fmt: skip
    assert found["workloads"][0]["causes"][0].keys() == {"cause", "kills"}
    assert found["worst"][0]["usage"]["points"][0].keys() == {"at", "usage"}


def test_the_period_is_from_since_until_until(busy: CommandLine) -> None:
    def period(*options: str) -> tuple[str, str]:
        found = json.loads(busy("report", "-A", "-o", "json", *options).out)["period"]
        return found["start"], found["end"]

    assert period("--since", "24h")[0] == "2026-11-28T10:07:00Z"
    assert period("--since", "2026-11-20") == ("2026-11-20T00:00:00Z", "2026-11-29T10:07:00Z")
    assert period("--since", "1d", "--until", "2026-11-25T12:00+02:00") == (
        "2026-11-24T10:00:00Z", "2026-11-25T10:00:00Z",
    )  # fmt: skip
    assert period("--until", "2d")[1] == "2026-11-27T10:07:00Z"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--since", "yesterday"), "--since: 'yesterday' is neither how long ago"),
        (("--until", "9999999d9999999d"), "--until: '9999999d9999999d' is neither how long ago"),
        (("--since", "2027-01-01"), "--since has to be before --until"),
        (("-A", "-n", "shop"), "give either -n or -A, not both"),
    ],
)
def test_a_wrong_command_line_is_said(
    busy: CommandLine, options: tuple[str, ...], sentence: str
) -> None:
    ran = busy("report", *options)
    assert ran.code == 2
    assert sentence in ran.err


def test_only_one_workload_is_reported_on_request(busy: CommandLine) -> None:
    found = json.loads(busy("report", "-A", "--owner", "deployment/api", "-o", "json").out)
    assert {each["workload"] for each in found["workloads"]} == {"Deployment/api"}
    assert found["scope"] == "all namespaces, workload deployment/api"


def test_an_empty_period_is_a_page_that_says_so(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("old", time={"before": "2026-10-01T10:00:00Z"}))
    ran = oom("report")
    assert ran.code == 0
    assert "No OOM kills in 7 days" in ran.out
    assert "The latest kill that is recorded was found on 1 Oct 2026 10:00 UTC." in ran.out


def test_without_the_right_to_read_oomnodes_the_page_says_what_it_does_not_know(
    busy: CommandLine,
) -> None:
    busy.cluster.forbid(NODES)
    ran = busy("report", "-n", "shop")
    assert ran.code == 0
    assert "you may not list oomnodes.oomwarden.io" in ran.out


def test_a_missing_right_to_records_is_named(busy: CommandLine) -> None:
    busy.cluster.forbid(ALL_KILLS)
    ran = busy("report", "-A")
    assert ran.code == 1
    assert ran.err.startswith("error: you may not list oomkills.oomwarden.io in all namespaces")


def test_the_same_records_make_the_same_page(busy: CommandLine) -> None:
    assert busy("report", "-A").out == busy("report", "-A").out
