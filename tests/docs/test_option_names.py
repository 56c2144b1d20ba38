"""Every `kubectl oom` in a block of commands has options that the program knows, run or not."""

import re
import shlex
from collections.abc import Iterator

import pytest
from oomwarden.cli.main import PROGRAM
from typer.exceptions import TyperException

from tests.support.docs_commands import ROOT
from tools.reference.commands import commands
from tools.site.blocks import COMMANDS, blocks_of, commands_of
from tools.site.pages import documented_pages

_CALL = re.compile(rf"(?:^|[|;&(]\s*){PROGRAM}\b([^|;&<>)\n]*)", re.MULTILINE)
_ABSENT = re.compile(r"does not exist|No such file")


def calls(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each `kubectl oom` of a command."""
    for found in _CALL.finditer(text.replace("\\\n", " ")):
        yield shlex.split(found[1], comments=True)


CALLS = sorted(
    {
        (block.name, tuple(arguments))
        for page in documented_pages(ROOT)
        for block in blocks_of(page, ROOT)
        if block.language in COMMANDS
        for command in commands_of(block)
        for arguments in calls(command.text)
    }
)


def refusal(arguments: tuple[str, ...]) -> str:
    """Return why the program does not accept these arguments; empty if it does."""
    known = commands()
    if not arguments or arguments[0].startswith("-"):
        return ""
    if arguments[0] not in known:
        return f"there is no sub-command {arguments[0]}"
    try:
        known[arguments[0]].make_context(arguments[0], list(arguments[1:]))
    except TyperException as error:
        return "" if _ABSENT.search(error.format_message()) else error.format_message()
    return ""


def test_the_options_of_every_call_exist() -> None:
    assert len(CALLS) > 40
    wrong = {(where, each): why for where, each in CALLS if (why := refusal(each))}
    assert wrong == {}


@pytest.mark.parametrize(
    "arguments", [("kills", "--no-such-option"), ("nothing",), ("kills", "--by", "colour")]
)
def test_an_option_that_does_not_exist_is_found(arguments: tuple[str, ...]) -> None:
    assert refusal(arguments)


def test_calls_are_found_in_pipes_and_before_comments() -> None:
    text = "journalctl -k | kubectl oom log - --last 2   # two\nkubectl oom why api \\\n  -n shop"
    assert list(calls(text)) == [["log", "-", "--last", "2"], ["why", "api", "-n", "shop"]]
