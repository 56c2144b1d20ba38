from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.log_text.lines.scan import MAX_LINE, LineScanner, RawLine

KILL = b"Out of memory: Killed process 1 (a)"


def scan(pieces: Iterable[bytes]) -> list[RawLine]:
    scanner = LineScanner()
    stretches = [each for piece in pieces for each in scanner.feed(piece)]
    return [line for each in [*stretches, *scanner.finish()] for line in each.lines()]


def test_quiet_lines_are_skipped_and_counted() -> None:
    lines = scan([b"x\n" * 1000, KILL + b"\n", b"y\n" * 1000])
    assert 0 < len(lines) < 300
    (kill,) = [each for each in lines if each.text == KILL]
    assert kill.number == 1001


def test_a_line_without_a_newline_at_the_end_is_read() -> None:
    assert scan([KILL])[-1].text == KILL


def test_an_endless_line_is_cut_and_not_kept() -> None:
    scanner = LineScanner()
    for _ in range(64):
        assert list(scanner.feed(b"x" * MAX_LINE)) == []
        assert len(scanner._rest) <= 2 * MAX_LINE
    (*_, last) = scanner.feed(b"\n" + KILL + b"\n")
    assert [each.text for each in last.lines()][-1] == KILL


def test_a_kill_in_an_endless_line_is_found() -> None:
    text = b"x " * MAX_LINE + KILL + b" y" * MAX_LINE
    found = [each.text for each in scan([text]) if b"Killed process" in each.text]
    assert len(found) == 1
    assert len(found[0]) <= MAX_LINE


@given(st.lists(st.sampled_from([KILL, b"x", b"\n", b"y" * 40_000, b" "]), max_size=30), st.data())
def test_where_the_input_is_cut_does_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert scan(pieces) == scan([whole])
