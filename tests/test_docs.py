"""Links of all pages, as GitHub shows them; `make docs` checks them as the site does."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from tools.site.anchors import slug

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *(page for top in ("docs", "examples", "charts") for page in (ROOT / top).rglob("*.md")),
]
_FENCED = re.compile(r"^( *)(```+|~~~+).*?^\1\2$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?\1|<code>.*?</code>", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """Return the text of a page without its code, in which nothing is a link."""
    return _CODE.sub("", _FENCED.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings; one that recurs is numbered."""
    text = _FENCED.sub("", page.read_text())
    slugs = [slug(_text(each)) for each in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    seen: Counter[str] = Counter()
    found = set()
    for each in slugs:
        found.add(f"{each}-{seen[each]}" if seen[each] else each)
        seen[each] += 1
    return found


def _text(heading: str) -> str:
    """Return a heading as it is shown: the text of its links."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def problem(page: Path, link: str) -> str:
    """Return what is wrong with a link; empty if nothing is."""
    address = urlsplit(link)
    if address.scheme or address.netloc:
        return "" if address.scheme == "https" and "." in address.netloc else "is not https"
    target = (page.parent / address.path).resolve() if address.path else page
    if not target.exists():
        return "leads nowhere"
    if not target.is_relative_to(ROOT):
        return "leaves the repository"
    if address.fragment and address.fragment not in anchors(target):
        return "has an anchor that does not exist"
    return ""


def test_every_link_of_a_page_leads_somewhere() -> None:
    found = [(page, link) for page in PAGES for link in links(page)]
    assert len(found) > 300
    wrong = {
        f"{page.relative_to(ROOT)}: {link}": why
        for page, link in found
        if (why := problem(page, link))
    }
    assert wrong == {}


def test_a_wrong_link_is_found() -> None:
    page = ROOT / "docs/architecture.md"
    assert problem(page, "nowhere.md") == "leads nowhere"
    assert problem(page, "#no-such-heading") == "has an anchor that does not exist"
    assert problem(page, "http://example.com/") == "is not https"
    assert problem(page, "https://example.com/a(b") == ""
    assert problem(page, "../README.md#quick-start") == ""


def test_lists_and_tables_have_an_empty_line_above_or_the_site_shows_them_as_a_paragraph() -> None:
    """GitHub needs none; Python-Markdown, which mkdocs uses, does."""
    wrong = []
    for page in PAGES:
        before = ""
        for line in _FENCED.sub("", page.read_text()).splitlines():
            starts = re.match(r"([-*+]|1\.) |\|", line)
            goes_on = re.match(r"\s*([-*+]|\d+\.) |\|| |$|<!--", before)
            if starts and not goes_on:
                wrong.append(f"{page.relative_to(ROOT)}: {line}")
            before = line
    assert wrong == []


def test_the_readme_names_the_commands_to_try_and_to_test() -> None:
    commands = re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands == ["demo", "test"]
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()


def test_the_readmes_tree_has_every_package() -> None:
    """In blocks: a layer is indented by two spaces, its packages by four, as many as fit a line."""
    tree = (
        (ROOT / "README.md").read_text().partition("operator/oomwarden/\n")[2].partition("```")[0]
    )
    found: dict[str, set[str]] = {}
    layer = ""
    for line in tree.splitlines():
        names = re.findall(r"(?<![\w/])(\w+)/(?=[ ,;]|$)", line)
        if re.match(r"  \w", line):
            layer, *names = names
            found[layer] = set()
        if line.startswith("  "):
            found[layer] |= set(names)
    layers = {path.parent for path in (ROOT / "operator/oomwarden").glob("*/__init__.py")}
    assert found == {
        each.name: {path.parent.name for path in each.glob("*/__init__.py")} for each in layers
    }
