"""Every sub-command of `kubectl oom` with its arguments and options, from the program itself."""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from oomwarden.cli.main import COMMANDS, PROGRAM, app
from typer.main import get_command

from tools.reference.markdown import code, codes, link, page, prose, section, table

_EXAMPLES = re.compile(r"\n*\x08?\n?Examples:\n(?P<lines>(?:  .*\n?)+)")
_TYPES: dict[object, str] = {int: "integer", float: "number", Path: "file"}
_INTRO = (
    "Every sub-command and option. [`kubectl oom` explained](../kubectl-oom.md) "
    "shows what they print, and has the rights that each one needs. The exit code "
    "is 0 if the command could answer, 1 if not (or if the answer is bad news, as "
    "its help says), and 2 if the command line is wrong."
)


def commands_page() -> str:
    """Return the page of all sub-commands."""
    overview = table(
        ("command", "what it does"),
        [(link(_name(name), ""), prose(summary)) for name, (_, summary) in COMMANDS.items()],
    )
    return page(
        "Commands",
        "operator/oomwarden/cli",
        _INTRO,
        overview,
        *(_section(name, command) for name, command in commands().items()),
    )


def commands() -> dict[str, Any]:
    """Return the commands by name, as click has them."""
    group: Any = get_command(app)
    context = group.make_context(PROGRAM, [], resilient_parsing=True)
    return {name: group.get_command(context, name) for name in COMMANDS}


def _name(name: str) -> str:
    return f"{PROGRAM} {name}"


def _section(name: str, command: Any) -> str:  # noqa: ANN401 - click's
    text, examples = described(command.help or "")
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    rows = [_row(each) for each in shown]
    usage = " ".join([_name(name), "[OPTIONS]", *_arguments(shown)])
    return section(
        _name(name),
        prose(text),
        f"```text\n{usage}\n```",
        _examples(examples),
        table(("argument or option", "value", "default", "meaning"), rows),
    )


def described(text: str) -> tuple[str, list[str]]:
    """Split the help of a command into its text and the lines of its examples."""
    found = _EXAMPLES.search(text)
    examples = found["lines"].splitlines() if found else []
    plain = text.replace(found[0], "\n\n") if found else text
    paragraphs = [" ".join(each.split()) for each in plain.replace("\x08", "").split("\n\n")]
    return "\n\n".join(filter(None, paragraphs)), [each.removeprefix("  ") for each in examples]


def _examples(lines: list[str]) -> str:
    if not lines:
        return ""
    text = "\n".join(lines)
    return (
        f"<!-- norun: examples of the help; their words stand for names -->\n```bash\n{text}\n```"
    )


def _arguments(params: list[Any]) -> Iterator[str]:
    for each in params:
        if each.param_type_name == "argument":
            name = each.display_name_raw.upper() + ("..." if each.nargs != 1 else "")
            yield name if each.required else f"[{name}]"


def _row(param: Any) -> tuple[str, ...]:  # noqa: ANN401 - click's
    is_option = param.param_type_name == "option"
    names = [*param.opts, *param.secondary_opts] if is_option else [param.display_name_raw.upper()]
    value = "" if is_option and param.is_flag else _value(param)
    default = "required" if param.required else _default(param.default)
    return codes(names), value, default, prose(param.help or "")


def _default(value: object) -> str:
    if value in (None, False, [], ()) or callable(value):
        return ""
    return code(getattr(value, "value", value))


def _value(param: Any) -> str:  # noqa: ANN401 - click's
    kind = param.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return codes(each.value for each in kind)
    bounds = "" if param.min is None and param.max is None else f" {_span(param.min, param.max)}"
    return _TYPES.get(kind, "text") + bounds


def _span(least: object, most: object) -> str:
    if most is None:
        return f"from {least}"
    return f"to {most}" if least is None else f"{least}..{most}"
