"""What a file of manifests contains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oomwarden.cli.errors import CliError

LineNumbers = Mapping[int, Mapping[object, int]]
"""By the id of an object or a list: the line of each key or index."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, or one item of a List.

    Attributes:
        value: Its content as JSON.
        number: Its number in the file, from 1.
        line: Its first line, from 1; None if it is not known.
        duplicates: Paths of the fields that it has twice.
        lines: The lines of its fields.
        file: The file's name.
    """

    value: Any
    number: int = 1
    line: int | None = None
    duplicates: tuple[str, ...] = ()
    lines: LineNumbers = field(default_factory=dict, repr=False, compare=False)
    file: str = ""

    def line_of(self, path: str) -> int | None:
        """Return the line of a field, or of the closest field around it that exists."""
        found, value = self.line, self.value
        for part in steps(path):
            line = self.lines.get(id(value), {}).get(part)
            if line is None:
                break
            found, value = line, value[part]
        return found


class DocumentError(CliError):
    """A document cannot be parsed.

    Attributes:
        number: The number of the document in its file, from 1.
        line: The line, from 1; None if it is not known.
    """

    def __init__(self, why: str, number: int = 1, line: int | None = None) -> None:
        super().__init__(why)
        self.number = number
        self.line = line


def steps(path: str) -> list[str | int]:
    """Split a path such as spec.rules[0].oomScoreAdj into keys and indices.

    A key with a dot, such as that of a label, is taken for several: the closest field is found.
    """
    found: list[str | int] = []
    for part in path.split("."):
        key, *indices = part.split("[")
        found += [key] if key else []
        found += [int(each.rstrip("]")) for each in indices if each.rstrip("]").isdecimal()]
    return found
