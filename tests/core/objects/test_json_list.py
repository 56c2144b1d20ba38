"""A list that arrives in pieces is the same list, and is never kept as a whole."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.objects import json_list
from oomwarden.core.objects.json_list import JsonList, JsonListError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
LISTS = st.tuples(
    st.dictionaries(st.text().filter(lambda key: key != "items"), VALUES, max_size=4),
    st.none() | st.lists(VALUES, max_size=6),
    st.dictionaries(st.text(max_size=3).map("z".__add__), VALUES, max_size=2),
)


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[begin:end] for begin, end in pairwise(places)]


def read(*texts: str) -> tuple[dict[str, Any], list[Any]]:
    reader = JsonList()
    items = [item for text in texts for item in reader.feed(text)]
    items += reader.end()
    return reader.fields, items


@given(LISTS, st.lists(st.integers(0, 10_000)), st.sampled_from([None, 1]), st.booleans())
@settings(max_examples=300)
def test_a_list_in_any_pieces_is_the_one_that_json_parses(
    parts: tuple[dict[str, Any], list[Any] | None, dict[str, Any]],
    cuts: list[int],
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    before, items, after = parts
    whole = before | {"items": items} | after
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii_only)
    fields, found = read(*pieces(text, cuts))
    again = json.loads(text)
    assert found == (again.pop("items") or [])
    assert fields == again


@given(LISTS, st.lists(st.integers(0, 10_000)), st.integers(1, 10_000))
def test_a_truncated_list_is_never_mistaken_for_a_complete_one(
    parts: tuple[dict[str, Any], list[Any] | None, dict[str, Any]], cuts: list[int], lost: int
) -> None:
    before, items, after = parts
    text = json.dumps(before | {"items": items} | after)
    short = text[: max(len(text) - lost, 0)]
    with pytest.raises(JsonListError):
        read(*pieces(short, cuts))


@pytest.mark.parametrize(
    "text",
    [
        "", "<html>", "[]", "null", '{"items":{}}', '{"items":[1}', '{"items":[1,]}', '{"a":1,}',
        '{"items":[],"items":[]}', "{} {}", '{"a" 1}', "{1:2}", '{"items":[' + "[" * 100_000,
        '{"a":' + "1" * 5000 + "}",
    ],
)  # fmt: skip
def test_text_that_is_not_a_list_is_rejected(text: str) -> None:
    with pytest.raises(JsonListError):
        read(text)


def test_text_that_never_becomes_an_item_is_not_kept_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_list, "MAX_CHARACTERS", 1000)
    reader = JsonList()
    list(reader.feed('{"items":["'))
    with pytest.raises(JsonListError, match="more than 1000 characters"):
        [item for _ in range(100) for item in reader.feed("x" * 100)]


def test_an_item_is_yielded_as_soon_as_it_is_complete_and_its_text_is_freed() -> None:
    reader = JsonList()
    assert list(reader.feed('{"items":[{"a":1}')) == [{"a": 1}]
    assert list(reader.feed(',{"a":2},')) == [{"a": 2}]
    list(reader.feed(" "))
    assert len(reader._text) <= 2


def test_a_large_item_in_small_pieces_is_parsed_only_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = 0
    decode = json_list._DECODER.raw_decode

    class Counting:
        @staticmethod
        def raw_decode(text: str, at: int) -> tuple[Any, int]:
            nonlocal tries
            tries += 1
            found: tuple[Any, int] = decode(text, at)
            return found

    monkeypatch.setattr(json_list, "_DECODER", Counting)
    text = json.dumps({"items": [{"a": "x" * 1_000_000}]})
    _, items = read(*(text[at : at + 1000] for at in range(0, len(text), 1000)))
    assert len(items) == 1
    assert tries < 40


@pytest.mark.parametrize("piece", [7, 100_000])
def test_an_item_nested_as_deeply_as_the_api_server_allows_stops_no_other(piece: int) -> None:
    deep = '{"name":"deep","fieldsV1":' + '{"f:x":' * 9_900 + '"}{"' + "}" * 9_900 + "}"
    text = '{"items":[{"name":"a"},' + deep + ',{"name":"b"}],"metadata":{}}'
    _, items = read(*(text[at : at + piece] for at in range(0, len(text), piece)))
    assert [each["name"] for each in items] == ["a", "deep", "b"]


@pytest.mark.parametrize("number", ["12.5", "1.5e+30", "-0.1E-7", "true", "null"])
def test_no_number_or_word_counts_as_complete_before_it_ends(number: str) -> None:
    text = '{"a":' + number + ',"items":[' + number + "]}"
    fields, items = read(*text)
    assert (fields["a"], items) == (json.loads(number), [json.loads(number)])
