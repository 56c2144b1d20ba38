"""The page of `kubectl oom report` in a real browser without a network."""

import base64
import re
import zlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from oomwarden.cli.report.page import page
from oomwarden.core.kill_report.period import Period
from oomwarden.core.kill_report.report import build_report

from tests.support.browser import Tab, browser_tab
from tests.support.many_kills import NOW, many_records

PHONE, DESKTOP = 360, 1280
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
WEEK = Period(NOW - timedelta(days=7), NOW)


def html(count: int) -> str:
    return page(build_report("all namespaces", NOW, WEEK, many_records(count, 30)), "0.1.0")


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser_tab() as found:
        yield found


@pytest.fixture(scope="module", params=["full", "empty"])
def report(
    request: pytest.FixtureRequest, tab: Tab, tmp_path_factory: pytest.TempPathFactory
) -> Tab:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html(400 if request.param == "full" else 0), encoding="utf-8")
    tab.open(path)
    return tab


@pytest.fixture
def full(tab: Tab, tmp_path: Path) -> Tab:
    path = tmp_path / "report.html"
    path.write_text(html(400), encoding="utf-8")
    tab.open(path)
    return tab


def test_the_page_asks_for_nothing_and_the_browser_has_no_complaint(report: Tab) -> None:
    assert [each.partition(":")[0] for each in report.requests] == ["file"]
    assert report.complaints == []


def test_the_page_forbids_what_a_hole_in_its_escaping_would_let_in(
    tab: Tab, tmp_path: Path
) -> None:
    hole = (
        '<script>document.title = "run"</script><img src="http://192.0.2.1/x" alt="">'
        '<p id="hole" style="color: red">styled</p></main>'
    )
    path = tmp_path / "hole.html"
    path.write_text(html(3).replace("</main>", hole), encoding="utf-8")
    tab.open(path)
    assert tab.value("document.title") != "run"
    refused = [each for each in tab.complaints if "Content Security Policy" in each]
    assert {"script", "image", "style"} <= {
        word for each in refused for word in ("script", "image", "style") if word in each
    }
    assert "255, 0, 0" not in tab.value("getComputedStyle(document.getElementById('hole')).color")


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_never_scrolls_sideways(report: Tab, width: int) -> None:
    report.show_as(width)
    assert report.value("innerWidth") == width
    assert report.value("document.documentElement.scrollWidth") <= width
    clipped = report.value(
        "[...document.querySelectorAll('h1, h2, h3, p, dd, dt, li, pre, .scroll, .card')]"
        f".filter(e => e.getBoundingClientRect().right > {width + 0.5} && !e.closest('.scroll'))"
        ".map(e => e.textContent.slice(0, 40))"
    )
    assert clipped == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_of_wcag_aa(report: Tab, scheme: str) -> None:
    report.show_as(DESKTOP, scheme)
    found = report.value(CONTRAST)
    assert found["texts"] > 10
    assert found["tooFaint"] == []


def test_dark_and_light_differ(full: Tab) -> None:
    colours = []
    for scheme in ("light", "dark"):
        full.show_as(DESKTOP, scheme)
        body = "getComputedStyle(document.body)"
        colours.append(full.value(f"{body}.backgroundColor + {body}.color"))
    assert colours[0] != colours[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn(full: Tab, scheme: str) -> None:
    full.show_as(DESKTOP, scheme)
    for selector in ("h1", "#time svg.chart", "#worst svg.chart"):
        assert len(drawn_colours(full, selector)) > 3, selector


def drawn_colours(tab: Tab, selector: str) -> set[bytes]:
    """Return the colours of a part of the page, as Chromium writes them: 8 bits, no interlacing."""
    box = tab.value(
        f"(r => ({{x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height}}))"
        f"(document.querySelector('{selector}').getBoundingClientRect())"
    )
    clip = {**box, "scale": 1}
    shot = tab.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
    png = base64.b64decode(shot["data"])
    width, channels = int.from_bytes(png[16:20]), {2: 3, 6: 4}[png[25]]
    data = b"".join(re.findall(rb"IDAT(.*?)(?=.{4}.{4}(?:IDAT|IEND))", png, re.DOTALL))
    lines = zlib.decompress(data)
    step = 1 + width * channels
    rows = [lines[start + 1 : start + step] for start in range(0, len(lines), step)]
    return {row[at : at + channels] for row in rows for at in range(0, len(row), channels)}


def test_charts_and_tables_have_names_for_screen_readers(full: Tab) -> None:
    full.call("Accessibility.enable")
    nodes = full.call("Accessibility.getFullAXTree")["nodes"]
    named = [named_as(each) for each in nodes if role(each) in {"image", "table", "region"}]
    assert len([kind for kind, _ in named if kind == "image"]) > 4
    assert len([kind for kind, _ in named if kind == "table"]) == 3
    assert [kind for kind, name in named if not name] == []


def role(node: dict[str, Any]) -> str:
    return str(node.get("role", {}).get("value"))


def named_as(node: dict[str, Any]) -> tuple[str, str]:
    return role(node), str(node.get("name", {}).get("value", ""))


def test_headings_skip_no_level(report: Tab) -> None:
    levels = report.value("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_each_link_leads_to_a_section(full: Tab) -> None:
    missing = full.value(
        "[...document.querySelectorAll('a')].map(e => e.getAttribute('href'))"
        ".filter(h => !h.startsWith('#') || !document.getElementById(h.slice(1)))"
    )
    assert missing == []


def test_on_paper_there_is_no_navigation_and_tables_do_not_scroll(full: Tab) -> None:
    full.show_as(DESKTOP, media="print")
    assert full.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    overflow = "getComputedStyle(document.querySelector('.scroll')).overflowX"
    assert full.value(overflow) == "visible"
    full.show_as(DESKTOP)
    assert full.value(overflow) == "auto"
