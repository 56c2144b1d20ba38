"""A line that is too long is cut, stays valid, and says what is cut."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.log_line.bound import MAX_LINE
from oomwarden.core.log_line.kill import about_kill
from oomwarden.core.log_line.line import LogEntry, json_line

from tests.support.kill_objects import oomkill

LONG = st.tuples(st.sampled_from(["a", "\n", "\u202e", "\U0001f600", "é"]), st.integers(0, 30_000))
READING = {"at": "2026-11-01T09:59:59Z", "usage": "480Mi"}


def written(message: str, keys: dict[str, Any], trace: str = "") -> dict[str, Any]:
    line = json_line(LogEntry(0.0, "INFO", "x", message, keys, trace))
    assert len(line) <= MAX_LINE
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_that_fits_is_whole() -> None:
    assert "truncated" not in written("a" * 16_000, {})


def test_the_ends_of_a_long_traceback_remain() -> None:
    found = written("it failed", {}, "Traceback:\n" + "  deep\n" * 10_000 + "ValueError: here")
    assert found["truncated"] == ["traceback"]
    assert found["traceback"].startswith("Traceback:")
    assert found["traceback"].endswith("ValueError: here")
    assert found["message"] == "it failed"
    assert len(found["traceback"]) > 10_000


def test_of_a_large_record_the_history_goes_first() -> None:
    kill = oomkill(memory={"history": [READING] * 400, "samples": [READING] * 5, "usage": "1Mi"})
    found = written("killed", about_kill(kill)["about"])
    assert found["truncated"] == ["oomkill.memory.history"]
    assert found["oomkill"]["memory"] == {"samples": [READING] * 5, "usage": "1Mi"}
    assert found["oomkill"]["victims"] == kill["victims"]


def test_a_record_that_cannot_be_cut_enough_is_left_out_and_its_keys_remain() -> None:
    found = written("killed", about_kill(oomkill(odd="x" * 20_000))["about"])
    assert "oomkill" not in found
    assert found["truncated"][-1] == "oomkill"
    assert (found["namespace"], found["pod"], found["kills"]) == ("shop", "api-1", 1)


@given(LONG, LONG, LONG, st.sampled_from([{}, about_kill(oomkill(odd="x" * 9_000))["about"]]))
def test_any_long_line_is_valid_and_names_what_is_cut(
    message: tuple[str, int], trace: tuple[str, int], error: tuple[str, int], kill: dict[str, Any]
) -> None:
    whole = {"message": message, "traceback": trace, "error": error}
    texts = {key: each * number for key, (each, number) in whole.items()}
    found = written(texts["message"], kill | {"error": texts["error"]}, texts["traceback"])
    cut = {key for key, text in texts.items() if found.get(key, "") != text}
    assert cut == {name for name in found.get("truncated", []) if not name.startswith("oomkill")}
