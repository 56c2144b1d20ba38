"""Each line of the product says what it is about, and the keys are documented."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from oomwarden.core.log_line.keys import MEANINGS, LogKeys
from oomwarden.core.metrics.api_error_kinds import ApiErrorKind

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/logs.md").read_text()
WITHOUT_KEYS = {
    "OOMKills are recorded at the usual rate again",
    "a client of the ranking was not accepted: %s",
    "a page of the probe server could not be generated",
    "retention: OOMKills are kept: %s",
}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    product = ROOT / "operator/oomwarden"
    for package in ("agent", "controller", "kube", "kernel", "probes"):
        for path in (product / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and ast.unparse(node.func.value) == "_LOG"
                    and node.func.attr in LEVELS
                ):
                    yield path, node


def test_every_line_says_what_it_is_about() -> None:
    found = list(calls())
    assert len(found) > 60
    bare = {
        f"{path.name}: {ast.unparse(call.args[0])}"
        for path, call in found
        if "extra" not in {each.arg for each in call.keywords}
        and not (isinstance(call.args[0], ast.Constant) and call.args[0].value in WITHOUT_KEYS)
        and "summary(" not in ast.unparse(call)
    }
    assert bare == set()


def test_reasons_are_one_camel_case_word() -> None:
    reasons = [
        word.value.value
        for _, call in calls()
        for each in ast.walk(call)
        if isinstance(each, ast.Call)
        for word in each.keywords
        if word.arg == "reason" and isinstance(word.value, ast.Constant)
    ]
    assert len(reasons) > 15
    assert [reason for reason in reasons if not re.fullmatch(r"([A-Z][a-z]+)+", str(reason))] == []


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert dict(rows) == MEANINGS
    assert [key for key, _ in rows] == list(MEANINGS)
    assert set(LogKeys.__annotations__) <= MEANINGS.keys()


def test_the_reasons_of_api_errors_are_those_of_the_metric() -> None:
    assert set(re.findall(r"`([A-Z]\w+)`", MEANINGS["reason"])) == {"OOMKilled", *ApiErrorKind}


def test_the_queries_of_the_page_use_keys_that_exist() -> None:
    queries = re.findall(r"^```logql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(queries) >= 5
    for query in queries:
        fields = re.findall(r'\w+="([\w.]+)"', query.partition("| json ")[2].partition("|")[0])
        assert fields, query
        assert {field.partition(".")[0] for field in fields} <= MEANINGS.keys()
