"""Fenced blocks of a page: what they contain, and where their commands run (CONTRIBUTING.md)."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

COMMANDS = ("console", "bash")
_FENCE = re.compile(r"(?P<indent> *)(?P<marks>`{3,}|~{3,})(?P<language>[\w+-]*)\s*$")
_COMMENT = re.compile(r" *<!-- (?P<text>.*?) -->$")
_MARKS = re.compile(
    r"(?P<where>run: lab|run|norun|part)(?P<options>(?:, (?:output|any order|exit \d+))*)"
    r"(?P<reason>(?<=norun): .+)?"
)


class MarkError(Exception):
    """A block does not say how it is tested; the message names the block and what to write."""


class Place(StrEnum):
    """Where the commands of a block run."""

    ANYWHERE = "run"
    LAB = "run: lab"
    NOWHERE = "norun"
    UNCHECKED = "part"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The page, relative to the repository.
        line: The number of its first line.
        language: What stands after the fence.
        text: Its lines, without the fence.
        mark: The comment above it, or the page's default; None if there is neither.
    """

    page: str
    line: int
    language: str
    text: str
    mark: str | None

    @property
    def name(self) -> str:
        """Where it is."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command of a block.

    Attributes:
        text: As it is passed to a shell.
        output: The lines that the block shows below it.
    """

    text: str
    output: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """How a block of commands is tested.

    Attributes:
        place: Where.
        exit: The exit code that is right.
        compares: Whether the output that the block shows is compared.
        reason: Why it does not run.
        any_order: Whether the lines of the output may come in another order.
    """

    place: Place
    exit: int = 0
    compares: bool = False
    reason: str = ""
    any_order: bool = False


def blocks_of(page: Path, root: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    return read_blocks(page.read_text(encoding="utf-8"), page.relative_to(root).as_posix())


def read_blocks(text: str, page: str) -> list[Block]:
    """Return the fenced blocks of a text; one without an end goes to the end of the text."""
    found: list[Block] = []
    lines = text.splitlines()
    default, at = _default(lines), 0
    while at < len(lines):
        opened = _FENCE.match(lines[at])
        if opened is None:
            at += 1
            continue
        end = _end(lines, at + 1, opened["marks"])
        body = "\n".join(line.removeprefix(opened["indent"]) for line in lines[at + 1 : end])
        above = _COMMENT.match(lines[at - 1]) if at else None
        mark = above["text"] if above else default
        found.append(Block(page, at + 1, opened["language"], body, mark))
        at = end + 1
    return found


def _end(lines: list[str], start: int, marks: str) -> int:
    ends = (n for n in range(start, len(lines)) if lines[n].strip() == marks)
    return next(ends, len(lines))


def _default(lines: list[str]) -> str | None:
    for line in lines:
        comment = _COMMENT.match(line)
        if comment and comment["text"].startswith("blocks: "):
            return comment["text"].removeprefix("blocks: ")
    return None


def run_of(block: Block) -> Run:
    """Return how a block is tested.

    Raises:
        MarkError: It does not say so, or not in the words of CONTRIBUTING.md.
    """
    found = _MARKS.fullmatch(block.mark or "")
    if found is None:
        said = f"says {block.mark!r}" if block.mark else "has no comment above it"
        raise MarkError(
            f"{block.name} {said}: write <!-- run -->, <!-- run: lab --> or <!-- norun: REASON --> "
            "above it (CONTRIBUTING.md, Documentation)"
        )
    options = found["options"]
    code = re.search(r"exit (\d+)", options)
    place = Place(found["where"])
    reason = (found["reason"] or "").removeprefix(": ")
    if place is Place.NOWHERE and not reason:
        raise MarkError(f"{block.name} does not say why it is not run: <!-- norun: REASON -->")
    ends = int(code[1]) if code else 0
    return Run(place, ends, "output" in options, reason, "any order" in options)


def commands_of(block: Block) -> list[Command]:
    """Return the commands of a block, each with the output that is shown below it.

    Raises:
        MarkError: A block of type console does not begin with a command.
    """
    if block.language != "console":
        return [Command(block.text)]
    found: list[Command] = []
    continues = False
    for line in block.text.splitlines():
        if continues:
            found[-1] = replace(found[-1], text=f"{found[-1].text}\n{line}")
        elif line.startswith("$ "):
            found.append(Command(line.removeprefix("$ ")))
        elif not found:
            raise MarkError(f"{block.name} does not begin with a command: `$ kubectl ...`")
        else:
            found[-1] = replace(found[-1], output=(*found[-1].output, line))
            continue
        continues = line.endswith("\\")
    return found
