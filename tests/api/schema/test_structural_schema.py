from typing import Annotated, Literal

import pytest
from oomwarden.api.schema.structural_schema import SchemaError, structural
from pydantic import BaseModel, Field


class Leaf(BaseModel):
    """A leaf."""

    size: int = Field(1, gt=0, lt=10, description="Size.")


class Tree(BaseModel):
    leaf: Leaf = Field(description="The leaf of the tree.")
    maybe: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = {}
    kind: Literal["Tree"] = "Tree"


def test_references_are_resolved_and_keywords_beside_them_win() -> None:
    leaf = structural(Tree)["properties"]["leaf"]
    assert leaf["description"] == "The leaf of the tree."
    assert leaf["properties"]["size"]["type"] == "integer"


def test_x_or_null_becomes_x() -> None:
    assert structural(Tree)["properties"]["maybe"] == structural(Leaf)


def test_exclusive_bounds_become_inclusive() -> None:
    size = structural(Leaf)["properties"]["size"]
    assert (size["minimum"], size["maximum"]) == (1, 9)
    assert size["format"] == "int32"


def test_a_const_becomes_an_enum() -> None:
    assert structural(Tree)["properties"]["kind"]["enum"] == ["Tree"]


def test_only_meaningful_defaults_are_kept() -> None:
    properties = structural(Tree)["properties"]
    assert "default" not in properties["maybe"]
    assert "default" not in properties["leaves"]
    assert properties["kind"]["default"] == "Tree"


def test_bounds_that_a_rule_expresses_are_not_expressed_twice() -> None:
    validations = [{"rule": "self > 0", "message": "be positive"}]

    class Ruled(BaseModel):
        size: Annotated[
            int, Field(ge=1, json_schema_extra={"x-kubernetes-validations": validations})
        ]

    size = structural(Ruled)["properties"]["size"]
    assert "minimum" not in size
    assert size["x-kubernetes-validations"] == validations


@pytest.mark.parametrize("bad", [int | str, tuple[int, str], Annotated[int, Field(multiple_of=2)]])
def test_a_field_that_a_structural_schema_cannot_express_is_named_in_the_error(bad: object) -> None:
    model = type("Bad", (BaseModel,), {"__annotations__": {"field": bad}})
    with pytest.raises(SchemaError, match=r"Bad\.field"):
        structural(model)
