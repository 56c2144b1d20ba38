"""Pages of labelled paragraphs, as wide as the terminal; colours only where a person looks."""

import shutil
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

from oomwarden.cli.output.terminal import visible

LABEL_WIDTH = 10
MAX_WIDTH, MIN_WIDTH = 100, 40
Span = tuple[str, str]
"""A style of rich, and a text."""


def page_width() -> int:
    """Return the width for text: the terminal's within bounds, 80 in a pipe."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, MIN_WIDTH), MAX_WIDTH)


@dataclass
class TextPage:
    """Collects lines.

    Attributes:
        width: Columns of a line; commands and figures may be longer.
    """

    width: int
    lines: list[list[Span]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The lines without colours."""
        shown = ("".join(text for _, text in line).rstrip() for line in self.lines)
        return "".join(f"{line}\n" for line in shown)

    def title(self, text: str) -> None:
        """Add the title."""
        self.lines += [[("bold", line)] for line in textwrap.wrap(visible(text), self.width)]

    def paragraph(self, label: str, *sentences: str) -> None:
        """Add sentences that flow into each other, with a label before the first line."""
        self._labelled(label, [" ".join(filter(None, sentences))])

    def items(self, label: str, *texts: str) -> None:
        """Add texts, each on lines of its own, with a label before the first."""
        self._labelled(label, list(texts))

    def _labelled(self, label: str, texts: list[str]) -> None:
        """Wrap between words alone: paths and names stay whole, so that they can be copied."""
        width = self.width - LABEL_WIDTH
        wrapper = textwrap.TextWrapper(width, break_on_hyphens=False, break_long_words=False)
        for text in filter(None, texts):
            for line in wrapper.wrap(visible(text)):
                self.lines.append([("bold", f"{label:<{LABEL_WIDTH}}"), ("", line)])
                label = ""

    def figure(self, label: str, rows: Iterable[Iterable[Span]]) -> None:
        """Add lines of a figure as they are, with a label before the first."""
        for row in rows:
            self.lines.append([("bold", f"{label:<{LABEL_WIDTH}}"), *row])
            label = ""

    def command(self, text: str) -> None:
        """Add a command to paste, without wrapping it."""
        self.lines.append([("green", f"  {text}")])

    def print(self) -> None:
        """Print the lines; without colours in a pipe, and with NO_COLOR."""
        if not sys.stdout.isatty():
            sys.stdout.write(self.text)
            return
        from rich.console import Console  # noqa: PLC0415 - only where there may be colours
        from rich.text import Text  # noqa: PLC0415

        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        for line in self.lines:
            console.print(Text.assemble(*((text, style) for style, text in line)))
