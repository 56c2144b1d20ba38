"""Pages of labelled paragraphs, as wide as the terminal; colours only where a person looks."""

import shutil
import sys
import textwrap
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from oomwarden.cli.output.terminal import visible

LABEL_WIDTH = 10
MAX_WIDTH, MIN_WIDTH = 100, 40


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
    lines: list[Text] = field(default_factory=list)

    def title(self, text: str) -> None:
        """Add the title."""
        shown = textwrap.wrap(visible(text), self.width) or [""]
        self.lines += [Text(line, "bold") for line in shown]

    def paragraph(self, label: str, *sentences: str) -> None:
        """Add sentences that flow into each other, with a label before the first line."""
        self._labelled(label, [" ".join(filter(None, sentences))])

    def items(self, label: str, *texts: str) -> None:
        """Add texts, each on lines of its own, with a label before the first."""
        self._labelled(label, texts)

    def _labelled(self, label: str, texts: "tuple[str, ...] | list[str]") -> None:
        first = label
        for text in filter(None, texts):
            for line in textwrap.wrap(
                visible(text), self.width - LABEL_WIDTH, break_on_hyphens=False
            ):
                start = Text(f"{first:<{LABEL_WIDTH}}", "bold" if first else "")
                self.lines.append(start + Text(line, ""))
                first = ""

    def figure(self, label: str, rows: list[str], style: str = "") -> None:
        """Add lines of a figure as they are, with a label before the first."""
        for row in rows:
            self.lines.append(Text(f"{label:<{LABEL_WIDTH}}", "bold") + Text(row, style))
            label = ""

    def command(self, text: str) -> None:
        """Add a command to paste, without wrapping it."""
        self.lines.append(Text("  ") + Text(text, "green"))

    def print(self) -> None:
        """Print the lines; without colours in a pipe, and with NO_COLOR."""
        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        for line in self.lines:
            line.rstrip()
            console.print(line)
