from pathlib import Path
from typing import Any

from tools.site.nav import expand


def test_a_folder_becomes_its_readme_and_the_pages_that_it_links_to_in_order(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "README.md").write_text(
        "[b](b.md#x), [a](a.md), [b again](b.md), [other](../c.md), [web](https://x.y/z.md)"
    )
    nav: list[str | dict[str, Any]] = [
        {"Home": "README.md"},
        {"More": [{"Tasks": "tasks/"}, "c.md"]},
    ]
    assert expand(nav, tmp_path) == [
        {"Home": "README.md"},
        {"More": [{"Tasks": ["tasks/README.md", "tasks/b.md", "tasks/a.md"]}, "c.md"]},
    ]
