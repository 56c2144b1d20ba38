"""The generated types accept, refuse and write exactly what the pydantic models do."""

import json
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import NODEFAULT
from msgspec.structs import fields
from oomwarden.api.codec.codec import decode, encode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.codec.values import Value
from oomwarden.api.models.base import Model
from oomwarden.api.models.validated import model_of, validated
from oomwarden.api.oomkill import Owner
from oomwarden.api.oomlimit import KeptLimit
from oomwarden.api.policy import OOMPolicySpec

from tests.support.api_values import ROOTS, good, models_verdict, perhaps_bad
from tools.value_types.modules import value_types
from tools.value_types.sources import classes, generated, modules

MODELS = [model for module in modules() for model in classes(module)]
MINIMAL: dict[str, Any] = {"podSelector": {}, "rules": [{"oomScoreAdj": 1}]}


def type_of(model: type[Model]) -> type[Value]:
    found: type[Value] = getattr(import_module(generated(model.__module__)), model.__name__)
    return found


def decoded(kind: type[Value], value: object) -> Value | InvalidObjectError:
    try:
        return decode(kind, value)
    except InvalidObjectError as error:
        return error


def test_the_generated_modules_are_up_to_date() -> None:
    stale = [path.name for path, text in value_types().items() if path.read_text() != text]
    assert stale == [], "run `make generate`"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_type_has_the_fields_names_and_defaults_of_its_model_in_its_order(
    model: type[Model],
) -> None:
    kind = type_of(model)
    assert model_of(kind) is model
    assert kind.__struct_fields__ == tuple(model.model_fields)
    for found, (name, field) in zip(fields(kind), model.model_fields.items(), strict=True):
        assert found.encode_name == field.alias, name
        required = found.default is NODEFAULT and found.default_factory is NODEFAULT
        assert required == field.is_required(), name
        if required or found.default is NODEFAULT:
            continue
        default = encode(found.default) if isinstance(found.default, Value) else found.default
        given = field.default
        assert default == (
            given.model_dump(mode="json", by_alias=True, exclude_none=True)
            if isinstance(given, Model)
            else given
        ), name


@settings(max_examples=200)
@given(st.sampled_from(ROOTS).flatmap(lambda kind: st.tuples(st.just(kind), perhaps_bad(kind))))
def test_types_and_models_accept_and_write_the_same_and_refuse_in_the_same_words(
    case: tuple[type[Value], Any],
) -> None:
    kind, value = case
    written, errors = models_verdict(kind, value)
    found = decoded(kind, value)
    if isinstance(found, InvalidObjectError):
        assert written == ""
        assert (found.path, found.why) in errors
    else:
        assert json.dumps(encode(found)) == written
        assert decode(kind, encode(found)) == found


@given(st.sampled_from(ROOTS).flatmap(lambda kind: st.tuples(st.just(kind), good(kind))))
def test_a_value_read_and_written_passes_the_model_again(case: tuple[type[Value], Any]) -> None:
    kind, value = case
    found = decode(kind, value)
    assert validated(kind, encode(found)) == found


@pytest.mark.parametrize(
    ("field", "value"),
    [("priority", "5"), ("priority", 5.0), ("priority", True), ("overridable", "yes")],
)
def test_numbers_and_booleans_are_not_parsed_from_other_values(field: str, value: object) -> None:
    """pydantic's lax mode does; the API server refuses these before an agent could see them."""
    kind = ROOTS[1]
    model_of(kind).model_validate({**MINIMAL, field: value})
    with pytest.raises(InvalidObjectError, match=f"^{field}: Input should be a valid"):
        decode(kind, {**MINIMAL, field: value})


def test_texts_of_tenants_are_made_readable_when_a_value_is_made_or_read() -> None:
    made = Owner(kind="x" * 300, name="a\nb")
    assert (len(made.kind), made.name) == (253, "a\\nb")
    assert decode(Owner, {"kind": "x" * 300, "name": "a\nb"}) == made


@pytest.mark.parametrize("amount", [536870912, 1.5e9, "512Mi"])
def test_amounts_may_be_whole_numbers(amount: object) -> None:
    spec = {**MINIMAL, "rules": [{"memory": {"limit": amount}}]}
    memory = decode(OOMPolicySpec, spec).rules[0].memory
    assert memory is not None
    assert memory.limit in {"536870912", "1500000000", "512Mi"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from((*ROOTS, KeptLimit)), json_values)
def test_no_value_raises_anything_but_a_refusal(kind: type[Value], value: object) -> None:
    found = decoded(kind, value)
    assert not isinstance(found, InvalidObjectError) or found.why


@pytest.mark.parametrize(
    "value",
    [
        {"\ud800": 1},
        {"podSelector": {"\udc80": 1}},
        {**MINIMAL, "mode": "\ud800"},
        dict([*MINIMAL.items(), (5, 1)]),
        {**MINIMAL, "podSelector": {"matchLabels": {5: "x"}}},
    ],
)
def test_text_that_is_no_unicode_and_keys_that_are_no_text_are_refused(value: object) -> None:
    with pytest.raises(InvalidObjectError):
        decode(OOMPolicySpec, value)


def test_a_deep_value_costs_no_recursion() -> None:
    deep: Any = {}
    for _ in range(50_000):
        deep = {"x": deep}
    assert decode(OOMPolicySpec, {**MINIMAL, "unknown": deep}).rules
    with pytest.raises(InvalidObjectError, match="podSelector: Input should be an object"):
        decode(OOMPolicySpec, {**MINIMAL, "podSelector": [deep]})
