"""The schemas that kubeconform gets: JSON Schema, in which unknown fields are errors."""

import pytest

from e2e.kubeconform import by_version, custom_resources, file_name, strictly
from e2e.lab import versions


def test_an_object_with_listed_properties_has_no_others() -> None:
    strict = strictly({"properties": {"a": {"properties": {"b": {}}}}})
    assert strict["additionalProperties"] is False
    assert strict["properties"]["a"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"additionalProperties": {"type": "string"}},
        {"properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True},
    ],
)
def test_an_open_object_stays_open(schema: dict[str, object]) -> None:
    assert strictly(schema).get("additionalProperties") is not False


@pytest.mark.parametrize(
    "schema",
    [{"type": "string", "format": "int-or-string"}, {"x-kubernetes-int-or-string": True}],
)
def test_an_integer_or_string_may_be_either(schema: dict[str, object]) -> None:
    assert strictly(schema) == {"type": ["integer", "string"]}


def test_a_property_that_is_called_properties_is_no_keyword() -> None:
    strict = strictly({"properties": {"properties": {"type": "object"}}})
    assert strict["properties"] == {"properties": {"type": "object"}}


def test_files_have_the_names_that_kubeconform_looks_for() -> None:
    assert file_name(group="", version="v1", kind="Pod") == "pod-v1.json"
    wanted = "role-rbac-v1.json"
    assert file_name(group="rbac.authorization.k8s.io", version="v1", kind="Role") == wanted


def test_each_version_has_all_definitions_and_not_only_what_changed() -> None:
    found = by_version()
    assert tuple(found) == versions.SUPPORTED_KUBERNETES
    assert all("io.k8s.api.core.v1.PodSpec" in each for each in found.values())


def test_our_kinds_and_those_of_the_prometheus_operator_have_schemas() -> None:
    kinds = {gvk["kind"] for gvk, _ in custom_resources()}
    own = {"OOMPolicy", "ClusterOOMPolicy", "OOMKill", "OOMLimit", "OOMNode"}
    assert kinds == own | {"PodMonitor", "PrometheusRule", "ServiceMonitor"}
