import base64
import hashlib
import re
from datetime import timedelta

import pytest
from oomwarden.cli.report.page import page
from oomwarden.cli.report.style import STYLE
from oomwarden.core.history.kill_record import KillRecord, read_record
from oomwarden.core.kill_report.period import Period
from oomwarden.core.kill_report.report import build_report

from tests.support.kill_objects import oomkill
from tests.support.many_kills import NOW, many_records, stamp

WEEK = Period(NOW - timedelta(days=7), NOW)
INKS = ("container", "pod", "allocatable", "node", "numa", "unknown", "accent", "limit")


def html(records: list[KillRecord]) -> str:
    return page(build_report("all namespaces", NOW, WEEK, records), "0.1.0")


def kill(name: str, **changes: object) -> KillRecord:
    return read_record(oomkill(name, time={"before": stamp(NOW - timedelta(hours=1))}, **changes))


def test_the_headline_is_the_answer() -> None:
    api = [kill("a"), kill("b")]
    other = kill("c", pod={"name": "c", "owner": {"kind": "Job", "name": "c"}})
    third = kill("d", pod={"name": "d", "owner": {"kind": "Job", "name": "d"}})
    titles = [
        re.findall("<h1>(.*?)</h1>", html(records))[0]
        for records in ([], api, [*api, other], [*api, other, third])
    ]
    assert titles == [
        "No OOM kills in 7 days",
        "2 OOM kills in 7 days, all of Deployment/api",
        "3 OOM kills in 7 days, most of Deployment/api",
        "4 OOM kills of 3 workloads in 7 days",
    ]


def test_the_security_policy_allows_the_style_sheet_alone() -> None:
    found = html(many_records(30))
    (style,) = re.findall("<style>(.*?)</style>", found, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall('Content-Security-Policy" content="(.*?)"', found)
    assert "default-src &#x27;none&#x27;" in policy
    assert f"style-src &#x27;sha256-{digest}&#x27;;" in policy
    assert "unsafe" not in policy


def test_the_page_has_no_script_no_handler_no_style_attribute_and_no_address() -> None:
    found = html(many_records(200, 30))
    assert "</code>&lt;script" not in found
    tags = re.findall(r"<(\w+)([^<>]*)>", found)
    assert {"script", "link", "img", "iframe", "object", "base", "form"} & {
        t for t, _ in tags
    } == set()
    attributes = {name for _, text in tags for name in re.findall(r'(\S+?)="[^"]*"', text)}
    assert "href" in attributes
    assert [each for each in attributes if each.startswith("on") or each in {"src", "style"}] == []
    assert [each for each in re.findall('href="(.*?)"', found) if each[0] != "#"] == []


def test_identifiers_are_unique() -> None:
    identifiers = re.findall(r' id="(.*?)"', html(many_records(300, 30)))
    assert len(identifiers) == len(set(identifiers)) > 20


def test_a_page_of_20000_records_is_small() -> None:
    records = many_records(500, 60)
    found = html(records * 40)
    assert len(found.encode()) < 500_000
    assert re.search(r"And \d+ more workloads with [\d,]+ kills\.", found)


def test_a_single_reading_is_said_and_not_drawn() -> None:
    found = html([kill("a", memory={"at": stamp(NOW - timedelta(hours=1)), "usage": "500Mi"})])
    assert "One reading, 0 s before: 500Mi; the limit is 512Mi." in found
    assert 'class="curve"' not in found
    assert "The record has no readings" in html([kill("a")])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shapes_have_the_contrast_of_wcag_aa(scheme: str) -> None:
    """Success criterion 1.4.11: 3 to 1 against what is beside them."""
    light, _, dark = STYLE.partition("prefers-color-scheme: dark")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", dark if scheme == "dark" else light))
    for ink in INKS:
        for paper in ("paper", "card"):
            assert contrast(colours[ink], colours[paper]) >= 3, (ink, paper)


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
