import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from oomwarden.cli.kubectl_completion import completions
from oomwarden.cli.main import COMMANDS
from typer.main import get_command

from tests.support.command_line import CommandLine
from tests.support.kill_objects import oomkill

ROOT = Path(__file__).resolve().parents[2]
EXTRA = {"kubernetes", "yaml", "rich", "typer"}


def start(
    *arguments: str, code: str = "", **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run the program as the console script does."""
    run = f"{code}\nfrom oomwarden.cli.start import main; main()"
    return subprocess.run(
        [sys.executable, "-c", run, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_help_fits_a_screen(oom: CommandLine) -> None:
    ran = oom.offline("--help")
    assert ran.code == 0
    assert len(ran.lines) <= 24
    assert max(map(len, ran.lines)) <= 80


def test_without_arguments_it_shows_the_help(oom: CommandLine) -> None:
    assert oom.offline() == oom.offline("--help")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_sub_command_has_a_help_with_two_examples(oom: CommandLine, name: str) -> None:
    ran = oom.offline(name, "--help")
    assert ran.code == 0
    assert ran.out.count(f"\n    kubectl oom {name}") >= 2


@pytest.mark.parametrize("name", COMMANDS)
def test_each_sub_command_has_a_file_of_its_name(name: str) -> None:
    module, _ = COMMANDS[name]
    assert module.partition(".")[2] == name
    assert get_command(import_module(f"oomwarden.cli.{module}").app).name == name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command 'nonsense'; see 'kubectl oom --help'"),
        (["kills", "--nonsense"], "No such option: --nonsense"),
        (["kills", "--by", "x"], "'x' is not one of 'workload', 'namespace', 'node', 'cause'"),
        (["kills", "-n", "a", "-A"], "give either -n or -A, not both"),
        (["kills", "--since", "x"], "--since: 'x' is not a duration"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_one_sentence(
    oom: CommandLine, arguments: list[str], words: str
) -> None:
    ran = oom(*arguments) if len(arguments) > 1 else oom.offline(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_a_closed_pipe_ends_it_without_a_word() -> None:
    ran = start("--help", code="import os; r, w = os.pipe(); os.close(r); os.dup2(w, 1)")
    assert (ran.returncode, ran.stderr) == (1, "")


def test_without_the_extra_it_says_how_to_install_it() -> None:
    hide = "import sys; sys.modules['typer'] = None"
    ran = start("--help", code=hide)
    assert ran.returncode == 1
    assert ran.stderr == (
        "error: kubectl oom is not installed completely; run: pipx install 'oomwarden[cli]'\n"
    )


def test_the_help_imports_no_client() -> None:
    code = "import atexit, sys; atexit.register(lambda: print(EXTRA & set(sys.modules)))"
    ran = start("--help", code=code.replace("EXTRA", "{'kubernetes', 'pydantic', 'yaml'}"))
    assert ran.stdout.splitlines()[-1] in {"set()", "{'pydantic'}"}


def test_a_terminal_of_another_encoding_gets_escaped_text(oom: CommandLine) -> None:
    oom.cluster.add(oomkill(victims=[{"command": "日本"}]))
    arguments = ("kills", "--kubeconfig", oom.kubeconfig)
    assert "日本" in start(*arguments, PYTHONIOENCODING="utf-8").stdout
    assert "\\u65e5\\u672c" in start(*arguments, PYTHONIOENCODING="ascii").stdout


def test_kubectl_gets_completions_of_commands_options_and_values() -> None:
    assert "kills" in completions(["k"])
    assert "--by" in completions(["kills", "--b"])
    assert completions(["kills", "--by", "n"]) == ["namespace", "node"]
    assert completions(["kills", "--since", ""]) == []


def test_the_distribution_installs_the_plugin_and_its_completion() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["kubectl-oom"] == "oomwarden.cli.start:main"
    assert project["scripts"]["kubectl_complete-oom"] == "oomwarden.cli.start:complete"
    required = {
        line.split(">")[0].replace("pyyaml", "yaml")
        for line in project["optional-dependencies"]["cli"]
    }
    assert required == EXTRA
    runtime = (ROOT / "requirements/runtime.txt").read_text()
    assert not any(f"\n{name}==" in runtime for name in ("kubernetes", "rich", "typer"))
