import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from oomwarden.cli.input.documents import Document, DocumentError
from oomwarden.cli.input.json_documents import json_document
from oomwarden.cli.input.yaml_documents import yaml_documents


def value(text: str) -> object:
    (found,) = yaml_documents(text)
    assert isinstance(found, Document), found
    return found.value


def error(text: str) -> DocumentError:
    found = list(yaml_documents(text))[-1]
    assert isinstance(found, DocumentError), found
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [y, no, On, FALSE, tRUE]", [True, False, True, False, "tRUE"]),
        ("a: [0x10, 0o17, 017, 0b11, 1_000, +5, -0, 09]", [16, 15, 15, 3, 1000, 5, 0, 9]),
        ("a: [1.5, 2.0, 1e3, .5, 1., 1e400]", [1.5, 2, 1000, 0.5, 1, "1e400"]),
        ("a: [1:30, 2026-01-01, 1.2.3, '5', !!str 5]", ["1:30", "2026-01-01", "1.2.3", "5", "5"]),
        ("a: [~, null, Null, nULL]", [None, None, None, "nULL"]),
        ("a: [!!int '7', !foo 7, ! 7]", [7, "7", "7"]),
        ("a: [9223372036854775807, 9223372036854775808]", [2**63 - 1, float(2**63)]),
    ],
)
def test_plain_text_means_what_kubectl_reads(text: str, expected: list[object]) -> None:
    found = value(text)
    assert isinstance(found, dict)
    assert found["a"] == expected
    assert [type(each) for each in found["a"]] == [type(each) for each in expected]


def test_keys_are_text_and_merge_keys_are_merged_in_order() -> None:
    assert value("{on: 1, 5: 2, 1.5: 3}") == {"true": 1, "5": 2, "1.5": 3}
    base = "base: &b {x: 1, z: 2}\n"
    assert value(f"{base}a: {{<<: *b, x: 3}}") == {"base": {"x": 1, "z": 2}, "a": {"x": 3, "z": 2}}
    found = value(f"{base}a: {{x: 3, <<: [{{x: 4}}, *b]}}")
    assert found == {"base": {"x": 1, "z": 2}, "a": {"x": 4, "z": 2}}
    assert value("{'<<': {a: 1}}") == {"<<": {"a": 1}}


def test_duplicate_keys_are_found_at_any_depth_and_the_last_one_counts() -> None:
    text = "spec:\n  mode: a\n  mode: b\n  rules:\n  - x: 1\n    x: 2\nspec: {mode: c}\n"
    (found,) = yaml_documents(text)
    assert isinstance(found, Document)
    assert found.duplicates == ("spec.mode", "spec.rules[0].x", "spec")
    assert found.value == {"spec": {"mode": "c"}}
    assert json_document('{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 2}]}').duplicates == (
        "a.b",
        "c[0].d",
    )


def test_every_field_has_its_line() -> None:
    text = "# x\na: 1\n---\nb:\n- c: 1\n- d:\n    e: [1,\n        2]\n"
    _, found = yaml_documents(text)
    assert isinstance(found, Document)
    lines = [found.line_of(path) for path in ("b", "b[1].d", "b[1].d.e[1]", "b[9]", "z", "")]
    assert (found.number, lines) == (2, [4, 6, 8, 4, 4, 4])


def test_an_error_in_one_document_does_not_hide_the_others() -> None:
    first, second, third = yaml_documents("a: 1\n---\nb: [\n--- # comment\nc: 3\n")
    assert isinstance(first, Document)
    assert isinstance(third, Document)
    assert isinstance(second, DocumentError)
    assert (second.number, third.number, third.value) == (2, 3, {"c": 3})


def test_aliases_that_stand_for_too_much_are_refused() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    found = error("\n".join(["a0: &a0 [lol, lol]", *levels]))
    assert str(found) == "its aliases stand for more than 5000000 values"
    assert str(error("a: *missing")) == "the anchor 'missing' is not defined"
    assert str(error("a: &a {b: *a}")) == "the anchor 'a' contains itself"


def test_what_json_does_not_have_is_refused() -> None:
    assert str(error("a: .inf")) == ".inf is not a number in JSON"
    assert "a key must be text" in str(error("? [a]\n: b"))
    assert "a key must be text" in str(error("~: b"))
    assert "must name objects" in str(error("a: {<<: 5}"))
    with pytest.raises(DocumentError, match="NaN is not a number in JSON"):
        json_document('{"a": NaN}')


def test_deep_nesting_is_refused() -> None:
    assert "deeper than 200 levels" in str(error("[" * 5_000 + "]" * 5_000))
    with pytest.raises(DocumentError, match="nested too deeply"):
        json_document("[" * 100_000 + "]" * 100_000)


@given(st.text(max_size=60))
@example("a: &a\n- *a\n--- !!x {")
@example("%YAML 1.1\n---\na")
@example("<<: *a")
def test_garbage_is_a_document_or_an_error(text: str) -> None:
    for found in yaml_documents(text):
        assert isinstance(found, Document | DocumentError)


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, PLAIN, min_size=1, max_size=3))
def test_what_pyyaml_writes_is_read_back(found: dict[str, object]) -> None:
    text = yaml.safe_dump(found, allow_unicode=True, default_style='"')  # it leaves Y plain
    assert value(text) == found
