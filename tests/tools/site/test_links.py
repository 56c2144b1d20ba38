from pathlib import Path

import pytest

from tools.site.anchors import slug
from tools.site.links import outside_links, without_comments

REPOSITORY = "https://example.com/o/r"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs/tasks").mkdir(parents=True)
    (tmp_path / "examples").mkdir()
    return tmp_path / "docs"


@pytest.mark.parametrize(
    ("link", "becomes"),
    [
        ("[a](../README.md)", "[a](../README.md)"),
        ("[a](b.md#c)", "[a](b.md#c)"),
        ("[a](../../SECURITY.md#x)", f"[a]({REPOSITORY}/blob/main/SECURITY.md#x)"),
        ("[a](../../examples)", f"[a]({REPOSITORY}/tree/main/examples)"),
    ],
)
def test_links_that_leave_the_documentation_lead_to_the_repository(
    docs: Path, link: str, becomes: str
) -> None:
    assert outside_links(link, docs / "tasks/page.md", docs, REPOSITORY) == becomes


def test_comments_are_not_part_of_the_site() -> None:
    assert without_comments("a\n<!-- run -->\n```bash\nls\n```\n") == "a\n```bash\nls\n```\n"


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("`kubectl oom why`: the story", "kubectl-oom-why-the-story"),
        ("What is restored?", "what-is-restored"),
        ("A/B and C_d", "ab-and-c_d"),
    ],
)
def test_an_anchor_is_the_one_that_github_makes(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor
