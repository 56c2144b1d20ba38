"""What is kept of the published schemas: what we need, of the pinned versions."""

import json
from typing import Any

from e2e.kubeconform import SCHEMAS
from e2e.lab import versions
from tools.chart_schemas import KINDS, MONITORING, changes, needed, text, without_prose

GVK = "x-kubernetes-group-version-kind"
DEFINITIONS: dict[str, dict[str, Any]] = {
    "apps.Deployment": {
        "description": "a text",
        "properties": {"description": {"type": "string"}, "spec": {"$ref": "#/definitions/Spec"}},
        GVK: [{"group": "apps", "version": "v1", "kind": "Deployment"}],
    },
    "Spec": {"properties": {"again": {"items": {"$ref": "#/definitions/Spec"}}}},
    "beta.Deployment": {GVK: [{"group": "apps", "version": "v1beta1", "kind": "Deployment"}]},
    "other.Deployment": {GVK: [{"group": "other", "version": "v1", "kind": "Deployment"}]},
    "Unused": {},
}


def test_our_kinds_and_what_they_refer_to_are_kept_and_nothing_else() -> None:
    assert list(needed(DEFINITIONS)) == ["Spec", "apps.Deployment"]


def test_descriptions_are_left_out_but_not_a_property_of_that_name() -> None:
    kept = without_prose(DEFINITIONS["apps.Deployment"])
    assert "description" not in kept
    assert kept["properties"]["description"] == {"type": "string"}


def test_a_version_lists_what_is_new_changed_or_gone() -> None:
    before = {"same": {"type": "a"}, "changed": {"type": "a"}, "gone": {}}
    after = {"same": {"type": "a"}, "changed": {"type": "b"}, "new": {}}
    assert changes(before, after) == {"changed": {"type": "b"}, "new": {}, "gone": None}


def test_the_file_is_json_with_a_line_for_each_definition() -> None:
    written = text("a module", {"v1": {"A": {"type": "object"}, "B": {}}, "v2": {"B": None}})
    content = json.loads(written)
    assert content.pop("source") == "a module"
    assert content.pop("written by") == "make lock"
    assert content == {"v1": {"A": {"type": "object"}, "B": {}}, "v2": {"B": None}}
    assert '  "A": {"type":"object"},\n' in written


def test_the_kept_schemas_are_those_of_the_pinned_versions() -> None:
    content = json.loads((SCHEMAS / "kubernetes.json").read_text())
    kept = [key for key, each in content.items() if isinstance(each, dict)]
    assert kept == list(versions.SUPPORTED_KUBERNETES), "stale: make lock"
    oldest = content[kept[0]]
    kinds = {(gvk["group"], gvk["kind"]) for each in oldest.values() for gvk in each.get(GVK, ())}
    assert kinds >= {(group, kind) for group, names in KINDS.items() for kind in names}
    monitoring = json.loads((SCHEMAS / "monitoring.json").read_text())
    assert versions.PROMETHEUS_OPERATOR in monitoring["source"], "stale: make lock"
    assert set(MONITORING) <= set(monitoring)
