import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *(page for top in ("docs", "examples", "charts") for page in (ROOT / top).rglob("*.md")),
]


def anchors(page: Path) -> set[str]:
    """List the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {each.replace(" ", "-") for each in words}


def test_every_relative_link_of_a_page_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


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
