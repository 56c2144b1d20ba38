"""Completion as kubectl asks its plugins for it, in Cobra's protocol.

kubectl runs `kubectl_complete-oom ARGUMENTS...`; the last argument is the word that is being
typed. The answer is one value per line, with a tab and a description if there is one, and a
directive at the end (kubectl pkg/cmd/plugin, v1.37; cobra shell_completions.go).
"""

import io
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress

from typer.completion import get_completion_inspect_parameters

from oomwarden.cli.main import app

_NO_FILES = ":4"
"""Cobra's ShellCompDirectiveNoFileComp."""
_FILES = ":0"


def main(arguments: Sequence[str]) -> None:
    """Print the completions of the last argument."""
    values = completions(arguments)
    directive = _NO_FILES if values or not _may_be_file(arguments) else _FILES
    sys.stdout.write("".join(f"{each}\n" for each in [*values, directive]))


def completions(arguments: Sequence[str]) -> list[str]:
    """Return what the last argument may be completed to."""
    words = ["kubectl-oom", *(arguments or [""])]
    request = {
        "_KUBECTL_OOM_COMPLETE": "complete_bash",
        "COMP_WORDS": shlex.join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    get_completion_inspect_parameters()  # registers the shells
    answer = io.StringIO()
    os.environ.update(request)
    with redirect_stdout(answer), suppress(SystemExit):
        app(prog_name="kubectl-oom")
    return [line for line in answer.getvalue().splitlines() if line]


def _may_be_file(arguments: Sequence[str]) -> bool:
    """Return whether a file is expected: after -f and such, and for commands that read one."""
    before = arguments[-2] if len(arguments) > 1 else ""
    return before in {"-f", "--filename", "--pods", "--meminfo", "--kubeconfig"} or (
        arguments[:1] in (["log"], ["leak"]) and not before.startswith("-")
    )
