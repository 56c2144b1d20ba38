"""Whether objects fit the schemas of a Kubernetes version, by kubeconform; downloads nothing.

`tools/chart_schemas.py` writes the schemas of Kubernetes and of the Prometheus operator. Our own
CRDs have those of our kinds. Each kind becomes a file that refers to the version's definitions.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from e2e.lab.tools import PROGRAMS, find_or_build

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = Path(__file__).with_name("schemas")
OWN_CRDS = ROOT / "deploy" / "crds"
_LOCATION = "{{ .NormalizedKubernetesVersion }}/{{ .ResourceKind }}{{ .KindSuffix }}.json"
_GVK = "x-kubernetes-group-version-kind"
_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"

Schema = Mapping[str, Any]


def check(version: str, files: Iterable[Path], schemas: Path) -> list[str]:
    """Check the objects of some files, and that there are any.

    Args:
        version: The Kubernetes version, such as v1.37.2.
        files: YAML files.
        schemas: A folder that `write_schemas` has filled.

    Returns:
        A sentence for each object that does not fit or whose kind has no schema.
    """
    program = find_or_build(PROGRAMS["kubeconform"])
    options = ("-strict", "-summary", "-output", "json")
    where = ("-kubernetes-version", version.removeprefix("v"))
    location = ("-schema-location", f"{schemas}/{_LOCATION}")
    done = subprocess.run(
        (program, *options, *where, *location, *files), check=False, capture_output=True, text=True
    )
    result = json.loads(done.stdout)
    assert result["summary"]["valid"] + result["summary"]["invalid"], done.stderr
    return [_sentence(each) for each in result["resources"]]


def _sentence(found: Mapping[str, Any]) -> str:
    why = re.sub(r"^problem validating schema.*?#' +- at '': 'allOf' failed +- ", "", found["msg"])
    return f"{Path(found['filename']).name}: {found['kind']} {found['name']}: {why}"


def write_schemas(folder: Path) -> None:
    """Write the schemas of all versions, as kubeconform looks for them."""
    for version, definitions in by_version().items():
        target = folder / version
        target.mkdir(parents=True)
        strict = {name: strictly(each) for name, each in definitions.items()}
        strict[_QUANTITY] = {"type": ["string", "number"]}
        _write(target / "definitions.json", {"definitions": strict})
        for name, each in definitions.items():
            for gvk in each.get(_GVK, ()):
                kind = {
                    "allOf": [_identity(**gvk), {"$ref": f"definitions.json#/definitions/{name}"}]
                }
                _write(target / file_name(**gvk), kind)
        for gvk, schema in custom_resources():
            _write(target / file_name(**gvk), {"allOf": [_identity(**gvk), schema]})


@cache
def by_version() -> Mapping[str, Mapping[str, Schema]]:
    """Return the definitions of each supported version."""
    found: dict[str, Mapping[str, Schema]] = {}
    current: dict[str, Schema] = {}
    for version, changed in _read("kubernetes.json").items():
        merged = current | changed
        current = {name: each for name, each in merged.items() if each is not None}
        found[version] = current
    return found


def custom_resources() -> Iterator[tuple[dict[str, str], Schema]]:
    """Yield group, version and kind with the schema: ours, and those of the Prometheus operator."""
    own = (yaml.safe_load(each.read_text())["spec"] for each in OWN_CRDS.glob("*.yaml"))
    for spec in (*own, *_read("monitoring.json").values()):
        for each in spec["versions"]:
            gvk = {
                "group": spec["group"],
                "version": each["name"],
                "kind": spec["names"]["kind"],
            }
            schema = strictly(each["schema"]["openAPIV3Schema"])
            schema["properties"] |= {"metadata": _reference(_METADATA)}
            yield gvk, schema


def strictly(schema: Any) -> Any:
    """Return a schema of OpenAPI as JSON Schema, in which unknown fields are errors."""
    if isinstance(schema, list):
        return [strictly(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: {name: strictly(each) for name, each in value.items()}
        if key == "properties"
        else strictly(value)
        for key, value in schema.items()
        if not key.startswith("x-kubernetes-")
    }
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    is_open = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not is_open:
        found["additionalProperties"] = False
    return found


def file_name(*, group: str, version: str, kind: str) -> str:
    """Return the file name that kubeconform looks for: the group's first part, then the version."""
    parts = [kind, group.partition(".")[0], version]
    return "-".join(part.lower() for part in parts if part) + ".json"


def _reference(name: str) -> Schema:
    return {"$ref": f"definitions.json#/definitions/{name}"}


def _identity(*, group: str, version: str, kind: str) -> Schema:
    api = f"{group}/{version}" if group else version
    # kubeconform reads schemas as JSON Schema of draft 4, which has no "const".
    fields = {"apiVersion": {"enum": [api]}, "kind": {"enum": [kind]}}
    return {"properties": fields, "required": ["apiVersion", "kind", "metadata"]}


def _read(name: str) -> dict[str, Any]:
    content = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    return {key: each for key, each in content.items() if isinstance(each, dict)}


def _write(path: Path, schema: Schema) -> None:
    path.write_text(json.dumps(schema), encoding="utf-8")
