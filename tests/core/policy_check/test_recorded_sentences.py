"""What check says of bad policies; a story in e2e/test_refusals.py shows that the server does."""

from collections.abc import Iterator
from typing import Any

import pytest
from oomwarden.api.schema.structural_schema import Schema
from oomwarden.cli.input.documents import Document
from oomwarden.cli.input.files import documents
from oomwarden.core.policy_check.cel_rules import RULES
from oomwarden.core.policy_check.manifest_check import POLICY_KINDS, check_policy, schema_of
from oomwarden.core.policy_check.schema_rules import KEYWORDS

from e2e import policy_corpus

FLOOR = -500


@pytest.mark.parametrize("name", policy_corpus.names())
def test_check_says_what_the_api_server_says(name: str) -> None:
    found: list[list[str]] = []
    for each in documents(str(policy_corpus.CORPUS / name)):
        assert isinstance(each, Document), each
        found.append(sorted(check_policy(each.value, each.duplicates, FLOOR).refusal))
    assert found == policy_corpus.recorded(name)


def nodes(schema: Schema) -> Iterator[Schema]:
    yield schema
    for each in schema.get("properties", {}).values():
        yield from nodes(each)
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key])


@pytest.mark.parametrize("kind", POLICY_KINDS)
def test_every_rule_of_the_schema_has_a_twin_and_every_keyword_is_known(kind: str) -> None:
    """Whoever adds a CEL rule to the API adds it to cel_rules.py and a document to the corpus."""
    spec = schema_of(kind)["properties"]["spec"]
    found = list(nodes(spec))
    rules: set[str] = {
        rule["rule"] for each in found for rule in each.get("x-kubernetes-validations", ())
    }
    assert len(rules) > 15
    assert rules <= RULES.keys()
    assert set().union(*found) <= KEYWORDS


def test_no_twin_is_left_over() -> None:
    schemas = [node for kind in POLICY_KINDS for node in nodes(schema_of(kind))]
    used = {rule["rule"] for each in schemas for rule in each.get("x-kubernetes-validations", ())}
    assert used == RULES.keys()


def messages(schemas: list[Schema]) -> set[str]:
    rules = [rule for each in schemas for rule in each.get("x-kubernetes-validations", ())]
    return {rule["message"] for rule in rules if "message" in rule}


@pytest.mark.parametrize("kind", POLICY_KINDS)
def test_the_corpus_violates_every_rule(kind: str) -> None:
    recorded = str([policy_corpus.recorded(name) for name in policy_corpus.names()])
    missing = [each for each in messages(list(nodes(schema_of(kind)))) if each not in recorded]
    assert missing == []


def test_what_the_api_server_would_say_next_follows(sound: dict[str, Any]) -> None:
    sound["spec"] |= {"bogus": 1, "rules": [{"oomScoreAdj": 1001}]}
    result = check_policy(sound)
    assert [each.stage.value for each in result.errors] == ["Decoding", "Validation"]
    assert result.refusal == ('strict decoding error: unknown field "spec.bogus"',)


@pytest.fixture
def sound() -> dict[str, Any]:
    """Return a valid policy."""
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMPolicy",
        "metadata": {"name": "a"},
        "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": 5}]},
    }
