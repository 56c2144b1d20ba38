import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from oomwarden.api.schema.crds import manifests
from oomwarden.core.policy.cautions import caution
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, parse_policy

from e2e.examples import example

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "examples").glob("*.yaml"))
GROUP_VERSION = "oomwarden.io/v1alpha1"


def read(path: Path) -> dict[str, Any]:
    """Read a file with exactly one policy."""
    (manifest,) = yaml.safe_load_all(path.read_text())
    assert isinstance(manifest, dict)
    return manifest


def schema_of(kind: str) -> dict[str, Any]:
    (crd,) = (each for each in manifests().values() if each["spec"]["names"]["kind"] == kind)
    (version,) = crd["spec"]["versions"]
    assert f"{crd['spec']['group']}/{version['name']}" == GROUP_VERSION
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def fields_outside(schema: dict[str, Any], value: object, path: str = "") -> list[str]:
    """List the fields that a CRD's schema does not have, and the required ones that are missing."""
    if isinstance(value, list):
        inner = (fields_outside(schema["items"], each, f"{path}[]") for each in value)
        return [each for found in inner for each in found]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    properties: dict[str, Any] = schema["properties"]
    wrong = [f"{path}.{key}" for key in (schema.get("required") or ()) if key not in value]
    for key, each in value.items():
        if key in properties:
            wrong += fields_outside(properties[key], each, f"{path}.{key}")
        else:
            wrong.append(f"{path}.{key}")
    return wrong


def asks(rule: dict[str, Any]) -> bool:
    """Whether the CRD's validation rules accept the rule: it asks for one thing at least."""
    if "oomScoreAdj" in rule and "oomScoreOffset" in rule:
        return False
    if "memory" in rule and not {"limit", "groupKill"} & rule["memory"].keys():
        return False
    return bool({"oomScoreAdj", "oomScoreOffset", "processes", "memory", "onOOM"} & rule.keys())


def test_there_are_examples() -> None:
    assert len(FILES) >= 7


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_a_policy_that_the_api_server_and_the_agents_accept(path: Path) -> None:
    manifest = read(path)
    assert manifest["apiVersion"] == GROUP_VERSION
    assert manifest["kind"] in {NAMESPACED, CLUSTER}
    assert manifest["metadata"] == {"name": path.stem}, "its namespace is the user's to choose"
    spec = manifest["spec"]
    assert fields_outside(schema_of(manifest["kind"])["properties"]["spec"], spec) == []
    policy = parse_policy(manifest["kind"], manifest)
    assert policy.unknown == ()
    assert all(map(asks, spec["rules"]))
    assert caution(manifest["kind"], spec) == "", "an example does no harm"


def test_every_example_is_listed_once() -> None:
    text = (ROOT / "examples/README.md").read_text()
    assert sorted(re.findall(r"^\| \[([\w-]+\.yaml)\]\(\1\)", text, re.MULTILINE)) == [
        path.name for path in FILES
    ]


def test_every_example_is_applied_by_a_story() -> None:
    stories = "\n".join(path.read_text() for path in (ROOT / "e2e").glob("*.py"))
    applied = set(re.findall(r'\bexample\(\s*"([\w-]+)"', stories))
    assert applied == {path.stem for path in FILES}


def test_a_story_limits_an_example_to_its_own_namespace() -> None:
    ours = example("protect-a-service", "story-1", name="other", labels={"app": "db"})
    assert ours["metadata"] == {"name": "other", "namespace": "story-1"}
    assert ours["spec"]["podSelector"] == {"matchLabels": {"app": "db"}}
    cluster = example("canary", "story-1")
    assert cluster["metadata"] == {"name": "canary-story-1"}
    selector = cluster["spec"]["namespaceSelector"]
    assert selector == {"matchLabels": {"kubernetes.io/metadata.name": "story-1"}}
    assert cluster["spec"]["rules"] == read(ROOT / "examples/canary.yaml")["spec"]["rules"]
