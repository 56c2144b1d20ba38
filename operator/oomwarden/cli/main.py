"""`kubectl oom`: the sub-commands, and what happens to their errors."""

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Abort, TyperException
from typer.main import get_command

from oomwarden.cli.errors import FAILED, USAGE, CliError
from oomwarden.cli.output.terminal import fail

COMMANDS: dict[str, tuple[str, str]] = {
    "why": ("commands.why", "The story of a kill: who, whose limit, what to do"),
    "kills": ("commands.kills", "The history of OOM kills"),
    "report": ("commands.report", "A page for a post-mortem or a weekly review"),
    "rank": ("commands.rank", "Which process the kernel would kill next, and why"),
    "nodes": ("commands.nodes", "Memory of each node, its promises, and its agent's health"),
    "plan": ("commands.plan", "What a policy would change, before it is applied"),
    "check": ("offline.check", "Strict validation of policies, without a cluster"),
    "log": ("offline.log", "Explain the OOM kills in a kernel log"),
    "leak": ("offline.leak", "Is it a leak? Samples of memory to a verdict"),
    "score": ("offline.score", "The kernel's OOM score, step by step"),
    "overcommit": ("offline.overcommit", "What the kernel promises: modes, CommitLimit, head-room"),
    "doctor": ("commands.doctor", "Whether everything is able to work, and what to do if not"),
    "test": ("commands.test", "Kill a pod of its own, to see that everything works"),
}
"""The sub-commands in the order of the help: the module below oomwarden.cli, and one line."""
PROGRAM = "kubectl oom"


class LazyGroup(TyperGroup):
    """Imports a sub-command when it runs; the help only needs the table."""

    _is_listing = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - click's
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - click's
        """Return the command of a name; None if there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, summary = COMMANDS[cmd_name]
        if self._is_listing:
            return TyperCommand(cmd_name, help=summary)
        command = get_command(import_module(f"oomwarden.cli.{module}").app)
        command.help = (command.help or "").replace("\\b\n", "\b\n")  # of raw docstrings
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's
        """Write the help from the table, without an import of any command."""
        self._is_listing = True
        super().format_help(ctx, formatter)
        self._is_listing = False


app = typer.Typer(
    name=PROGRAM,
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        typer.echo(version("oomwarden"))
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


@app.callback()
def oom(
    ctx: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Explain OOM kills: who was killed, whose limit it was, who is next, and what to do."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):  # names may have characters that a terminal lacks
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = int(app(arguments, prog_name=PROGRAM, standalone_mode=False) or 0)
        sys.stdout.flush()
    except CliError as error:
        return fail(str(error), error.code)
    except TyperException as error:
        return fail(_usage_sentence(error), USAGE)
    except BrokenPipeError:  # as `| head` does; what is still buffered must not fail at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (Abort, KeyboardInterrupt):
        return fail("interrupted")
    return code


def _usage_sentence(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else PROGRAM
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    return f"{message}; see '{command} --help'"
