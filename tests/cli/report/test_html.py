from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.cli.report.html import Markup, element, joined
from oomwarden.cli.report.wording import breakable, with_code


class Texts(HTMLParser):
    """Collects what a browser shows, and the elements."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = ""
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.shown += data


def parsed(markup: str) -> Texts:
    texts = Texts()
    texts.feed(markup)
    texts.close()
    return texts


@given(st.text())
def test_a_text_never_makes_an_element_or_an_attribute(text: str) -> None:
    found = parsed(element("p", text, title=text))
    assert found.tags == ["p"]
    assert [name for name, _ in found.attributes] == ["title"]
    assert all(each.isprintable() for each in found.shown)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_a_printable_text_is_shown_as_it_is(text: str) -> None:
    assert parsed(element("p", text)).shown == text
    assert parsed(breakable(text)).shown == text


def test_control_characters_and_turned_text_are_shown_escaped() -> None:
    assert element("p", "a\x1b[31m\u202eb") == "<p>a\\x1b[31m\\u202eb</p>"


def test_markup_is_not_escaped_again_and_nothing_is_nothing() -> None:
    inner = element("b", "<")
    assert element("p", inner, None, [1, Markup("&amp;")]) == "<p><b>&lt;</b>1&amp;</p>"
    assert joined(None) == ""


def test_attributes_are_hyphenated_rounded_and_left_out() -> None:
    assert element("rect", x=1 / 3, stroke_width=2.0, class_="a", y=None) == (
        '<rect x="0.33" stroke-width="2" class="a"></rect>'
    )
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


@given(st.text())
def test_code_in_a_text_is_set_as_code_and_stays_text(text: str) -> None:
    assert set(parsed(with_code(text)).tags) <= {"code"}
    assert with_code("run `a <b>` now") == "run <code>a &lt;b&gt;</code> now"
