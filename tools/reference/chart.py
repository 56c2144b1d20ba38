"""Every value of the chart, from the comments of values.yaml and from its schema."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools.reference.fields import bounds
from tools.reference.markdown import code, page, prose, section, table

_LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w.-]+):(?P<value>.*)$")
_MARK = "# -- "


class Value(NamedTuple):
    """A value of the chart.

    Attributes:
        path: Its path, such as `agent.port`.
        default: As values.yaml has it.
        text: The comment above it.
    """

    path: str
    default: str
    text: str


def chart_page(chart: Path) -> str:
    """Return the page of all values."""
    schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    values = described_values((chart / "values.yaml").read_text(encoding="utf-8"))
    tops = list(dict.fromkeys(each.path.split(".")[0] for each in values))
    single = [top for top in tops if all(each.path == top for each in values if _top(each) == top)]
    groups = [("All components", single), *((top, [top]) for top in tops if top not in single)]
    return page(
        "Chart values",
        "charts/oomwarden/values.yaml and values.schema.json",
        "A value that the chart does not have is refused by `helm install`, and so is one outside "
        "of its bounds. How to install, upgrade and uninstall: "
        "[charts/oomwarden](../../charts/oomwarden/README.md).",
        *(
            section(title, _table([each for each in values if _top(each) in names], schema))
            for title, names in groups
        ),
    )


def _top(value: Value) -> str:
    return value.path.split(".")[0]


def _table(values: list[Value], schema: dict[str, Any]) -> str:
    rows = [
        (code(each.path), code(each.default), _bounds(schema, each.path), prose(each.text))
        for each in values
    ]
    return table(("value", "default", "allowed", "meaning"), rows)


def described_values(text: str) -> list[Value]:
    """Return the values that values.yaml describes with `# -- `, in its order."""
    return list(_described(text.splitlines()))


def _described(lines: list[str]) -> Iterator[Value]:
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for number, line in enumerate(lines):
        plain = line.strip()
        if plain.startswith("#"):
            comment = [] if plain.startswith(_MARK) or not comment else comment
            comment.append(plain)
            continue
        if (found := _LINE.match(line)) is not None:
            indent = len(found["indent"])
            path = [each for each in path if each[0] < indent] + [(indent, found["key"])]
            if comment and comment[0].startswith(_MARK):
                name = ".".join(key for _, key in path)
                yield Value(
                    name, _default(found["value"], lines[number + 1 :], indent), _text(comment)
                )
        comment = []


def _text(comment: list[str]) -> str:
    return " ".join(line.removeprefix(_MARK).removeprefix("#").strip() for line in comment)


def _default(value: str, following: list[str], indent: int) -> str:
    """Return the default: the rest of the line, or the lines below it that are indented more."""
    if value.split("#", maxsplit=1)[0].strip():
        return value.split(" #", maxsplit=1)[0].strip()
    below: list[str] = []
    for line in following:
        if (
            line.strip()
            and len(line) - len(line.lstrip()) <= indent
            and not line.lstrip().startswith("- ")
        ):
            break
        below.append(line.strip())
    return " ".join(filter(None, below))


def schema_at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the schema of a value, with its references resolved."""
    found = schema
    for key in path.split("."):
        found = _resolved(schema, found["properties"][key])
    return found


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    name = part["$ref"].rpartition("/")[2]
    return _resolved(schema, schema["definitions"][name])


def _bounds(schema: dict[str, Any], path: str) -> str:
    found = schema_at(schema, path)
    kind = found.get("type", "")
    types = " or ".join(kind) if isinstance(kind, list) else kind.replace("array", "list")
    return "; ".join(filter(None, [types, bounds({k: found[k] for k in found if k != "items"})]))
