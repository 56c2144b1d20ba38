import io
import sys

import pytest
from oomwarden.cli.output.pages import TextPage, page_width


def page() -> TextPage:
    found = TextPage(40)
    found.title("A title")
    found.paragraph("Limit", "One sentence that is long.", "", "Another one.")
    found.items("Lived", "nginx", "", "proxy\x1b[31m")
    found.figure("Memory", [[("cyan", "██")], [("cyan", "█"), ("red", "╌")]])
    found.command("kubectl -n shop get pods --and-a-very-long-option")
    return found


def test_paragraphs_are_wrapped_beside_their_labels() -> None:
    assert page().text.splitlines() == [
        "A title",
        "Limit     One sentence that is long.",
        "          Another one.",
        "Lived     nginx",
        "          proxy\\x1b[31m",
        "Memory    ██",
        "          █╌",
        "  kubectl -n shop get pods --and-a-very-long-option",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_colours_unless_they_are_unwanted(
    monkeypatch: pytest.MonkeyPatch, no_color: str
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    page().print()
    shown = terminal.getvalue()
    assert ("\x1b[36m" in shown) is (not no_color)
    assert "--and-a-very-long-option" in shown.splitlines()[-1]


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    page().print()
    assert capsys.readouterr().out == page().text


def test_the_width_is_that_of_the_terminal_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, width in {"20": 40, "90": 90, "300": 100}.items():
        monkeypatch.setenv("COLUMNS", columns)
        assert page_width() == width
