"""Draw the pictures of docs/dashboard.md from results that e2e/test_metrics.py has saved.

`OOMWARDEN_DASHBOARD_RESULTS=results.json make e2e STORY=test_metrics.py` saves them;
`python -m tools.dashboard_picture results.json` draws.
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

from tests.support.browser import Tab, browser_tab
from tools.dashboard_picture.evaluation import Json, View
from tools.dashboard_picture.page import WIDTH, Results, height_of, page

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "deploy/monitoring/dashboard.json"
IMAGES = ROOT / "docs/images"
NAMES = ("dashboard-kills.png", "dashboard-workloads.png", "dashboard-oomwarden.png")
"""A picture of each row; the first has the figures at the head too."""


def main() -> None:
    """Draw each row of the dashboard."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and a file
        sys.exit(f"usage: python -m tools.dashboard_picture RESULTS.json\n\n{__doc__}")
    saved = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    results: Results = {int(number): found for number, found in saved["results"].items()}
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    IMAGES.mkdir(parents=True, exist_ok=True)
    with browser_tab() as tab:
        for name, part in zip(NAMES, rows_of(board), strict=True):
            shown = page(part, results, View(**saved["view"]))
            (IMAGES / name).write_bytes(photograph(tab, shown, height_of(part)))
            print(IMAGES / name)


def rows_of(board: Json) -> list[Json]:
    """Return a board for each row, each with its panels moved to the top."""
    parts: list[list[Json]] = [[]]
    for panel in board["panels"]:
        if panel["type"] == "row" and any(each["type"] == "row" for each in parts[-1]):
            parts.append([])
        parts[-1].append(panel)
    return [{**board, "panels": moved(part)} for part in parts]


def moved(panels: list[Json]) -> list[Json]:
    """Return panels at the same places below the top of the page."""
    top = min(panel["gridPos"]["y"] for panel in panels)
    return [
        {**panel, "gridPos": {**panel["gridPos"], "y": panel["gridPos"]["y"] - top}}
        for panel in panels
    ]


def photograph(tab: Tab, text: str, height: int) -> bytes:
    """Return a picture of a page as PNG."""
    with tempfile.TemporaryDirectory(prefix="oomwarden-") as folder:
        path = Path(folder) / "page.html"
        path.write_text(text, encoding="utf-8")
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=WIDTH, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        tab.open(path)
        return base64.b64decode(tab.call("Page.captureScreenshot", format="png")["data"])


if __name__ == "__main__":
    main()
