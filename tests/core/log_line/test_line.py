"""A line of the log, as programs and people read it."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.log_line.bound import MAX_LINE
from oomwarden.core.log_line.keys import ALWAYS, MEANINGS, about, about_object
from oomwarden.core.log_line.line import LogEntry, LogFormat, format_entry, json_line, text_line

HOSTILE = st.text(st.characters(), max_size=200) | st.sampled_from(
    ["a\nb", '{"level":"error"}', "\x1b[31mred\x1b[0m", "\u202etxt", "\u2028", "\ud800", "\x00"]
)
VALUES = HOSTILE | st.integers(-(2**63), 2**63) | st.booleans() | st.floats()


def entry(message: str = "it happened", **keys: object) -> LogEntry:
    return LogEntry(1767323045.678901, "WARNING", "oomwarden.x", message, keys)


def test_a_line_has_the_keys_in_their_documented_order() -> None:
    line = json_line(entry(pod="api-1", namespace="shop", kind="Pod", limitBytes=1 << 29))
    assert line == (
        '{"time":"2026-01-02T03:04:05.678901Z","level":"warning","logger":"oomwarden.x",'
        '"message":"it happened","kind":"Pod","namespace":"shop","pod":"api-1",'
        '"limitBytes":536870912}'
    )


def test_a_line_for_people_leaves_out_what_its_sentence_says() -> None:
    keys = about(kind="Pod", namespace="shop", name="api-1", reason="Stuck", error="no answer")
    words = text_line(entry("Pod shop/api-1 hangs: no answer", **keys["about"]))
    assert words == (
        "2026-01-02T03:04:05.678901Z WARNING oomwarden.x: Pod shop/api-1 hangs: no answer "
        "reason=Stuck"
    )


def test_a_traceback_follows_a_line_for_people_and_cannot_be_mistaken_for_lines() -> None:
    trace = 'Traceback:\n  File "x"\nValueError: a\r2026-01-02T00:00:00Z INFO all is well'
    first, *rest = text_line(entry()._replace(traceback=trace)).split("\n")
    assert first.endswith("it happened")
    assert len(rest) == 4
    assert all(line.startswith("    ") for line in rest)


def test_an_unknown_key_is_ignored() -> None:
    assert "colour" not in json_line(entry(colour="red"))
    assert "colour" not in text_line(entry(colour="red"))


@given(HOSTILE, st.dictionaries(st.sampled_from(list(MEANINGS)[4:-1]), VALUES), HOSTILE)
def test_a_json_line_is_one_valid_object_whatever_it_contains(
    message: str, keys: dict[str, object], trace: str
) -> None:
    line = json_line(entry(message, **keys)._replace(traceback=trace))
    assert line.isascii()
    assert line.isprintable()
    found = json.loads(line, parse_constant=pytest.fail)
    assert set(ALWAYS) <= found.keys() <= MEANINGS.keys()
    assert datetime.fromisoformat(found["time"]).tzinfo is not None
    assert found["message"] == message.encode("utf-8", "backslashreplace").decode()
    json.dumps(found, ensure_ascii=False).encode()  # no lone surrogates


@given(HOSTILE, st.dictionaries(st.sampled_from(list(MEANINGS)[4:-1]), VALUES), HOSTILE)
def test_a_tenants_text_cannot_forge_a_line_for_people(
    message: str, keys: dict[str, object], trace: str
) -> None:
    lines = text_line(entry(message, **keys)._replace(traceback=trace)).split("\n")
    assert all(line.isprintable() for line in lines)
    assert lines[0].startswith("2026-01-02T03:04:05.678901Z WARNING")
    assert all(line.startswith("    ") for line in lines[1:])


@given(st.floats(allow_nan=True) | st.just(10**400))
def test_a_number_that_json_does_not_have_becomes_text(value: float) -> None:
    json.loads(json_line(entry(retrySeconds=value)), parse_constant=pytest.fail)


def test_the_name_of_an_object_is_also_under_its_kind() -> None:
    assert about(kind="Pod", name="api-1")["about"]["pod"] == "api-1"
    assert about(kind="OOMNode", name="node-1")["about"]["node"] == "node-1"
    policy = about(kind="OOMPolicy", namespace="shop", name="protect-db")["about"]
    assert policy["policy"] == "OOMPolicy/protect-db"
    assert about(kind="Event", name="e", pod="")["about"] == {"kind": "Event", "name": "e"}


def test_an_object_of_any_shape_has_keys() -> None:
    kill = {"metadata": {"name": "k", "namespace": "shop"}, "pod": {"name": "api-1"}, "node": 7}
    found = {"kind": "OOMKill", "namespace": "shop", "name": "k", "pod": "api-1"}
    assert about_object("OOMKill", kill)["about"] == found
    shapes: list[Any] = [None, [], "text", {"metadata": []}, {"metadata": {}, "pod": 3}]
    for odd in shapes:
        assert about_object("OOMKill", odd)["about"] == {"kind": "OOMKill"}


@pytest.mark.parametrize("into", LogFormat)
def test_both_formats_have_a_bound(into: LogFormat) -> None:
    huge = entry("\u202e" * 100_000, error="é" * 100_000)._replace(traceback="\n" * 100_000)
    assert len(format_entry(huge, into).encode()) <= MAX_LINE
