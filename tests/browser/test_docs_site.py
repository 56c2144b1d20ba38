"""The documentation site, as a reader's browser shows it."""

import subprocess
import sys
from pathlib import Path

from tests.support.browser import browser_tab

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("index.html", "architecture.html", "metrics.html", "reference/api.html")


def test_the_site_asks_no_other_host_and_its_diagrams_are_drawn(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    subprocess.run(
        [*command, "--site-dir", str(tmp_path / "site")], cwd=ROOT, check=True, timeout=120
    )
    with browser_tab() as tab:
        for page in PAGES:
            tab.open(tmp_path / "site" / page)
            assert [each for each in tab.requests if not each.startswith(("file:", "data:"))] == []
            assert tab.complaints == []
            assert tab.value("document.querySelector('h1').textContent").strip()
        tab.open(tmp_path / "site/architecture.html")
        drawn = "[...document.querySelectorAll('.diagram svg')].map(each => each.clientWidth)"
        widths = tab.value(drawn)
        assert len(widths) >= 3
        assert all(width > 200 for width in widths)
