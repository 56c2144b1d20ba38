"""Write e2e/schemas: what Kubernetes and the Prometheus operator say about the objects we ship.

Both publish it in their source, as OpenAPI and as CRDs. Only the kinds below and what these refer
to are kept, without descriptions, so that a check of the chart downloads nothing.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from e2e.lab import versions
from e2e.lab.go_build import environment
from e2e.lab.shell import run

FOLDER = Path(__file__).resolve().parent.parent / "e2e" / "schemas"
KINDS = {
    "": ("ConfigMap", "Namespace", "Pod", "Secret", "Service", "ServiceAccount"),
    "admissionregistration.k8s.io": (
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ),
    "apiextensions.k8s.io": ("CustomResourceDefinition",),
    "apps": ("DaemonSet", "Deployment", "StatefulSet"),
    "batch": ("CronJob", "Job"),
    "networking.k8s.io": ("NetworkPolicy",),
    "policy": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
}
MONITORING = ("podmonitors", "prometheusrules", "servicemonitors")
_CRDS = "example/prometheus-operator-crd"
_GVK = "x-kubernetes-group-version-kind"
_LEFT_OUT = {"description", "x-kubernetes-action", "x-kubernetes-validations"}

Schema = Mapping[str, Any]


def source_of(module: str, version: str) -> Path:
    """Download a Go module and return the folder of its source."""
    found = run("go", "mod", "download", "-json", f"{module}@{version}", env=environment())
    return Path(json.loads(found)["Dir"])


def without_prose(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a schema without what no check needs."""
    if isinstance(schema, list):
        return [without_prose(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        # The names of properties are not keywords: a property may be called "description".
        key: {name: without_prose(each) for name, each in value.items()}
        if key == "properties"
        else without_prose(value)
        for key, value in schema.items()
        if key not in _LEFT_OUT
    }


def references(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a schema
    """Yield the names of the definitions that a schema refers to."""
    if isinstance(schema, list):
        for each in schema:
            yield from references(each)
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix("#/definitions/")
            else:
                yield from references(value)


def needed(definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the definitions of our kinds and all that they refer to."""
    waiting = [name for name, each in definitions.items() if _is_ours(each)]
    found: dict[str, Schema] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = without_prose(definitions[name])
            waiting += references(found[name])
    return dict(sorted(found.items()))


def _is_ours(definition: Schema) -> bool:
    return any(
        each["kind"] in KINDS.get(each["group"], ()) and each["version"] == "v1"
        for each in definition.get(_GVK, ())
    )


def changes(before: Mapping[str, Schema], after: Mapping[str, Schema]) -> dict[str, Schema | None]:
    """Return the definitions that differ from those of the version before; None: it is gone."""
    gone = dict.fromkeys(name for name in before if name not in after)
    return gone | {name: each for name, each in after.items() if before.get(name) != each}


def kubernetes() -> dict[str, dict[str, Schema | None]]:
    """Return for each supported version what differs from the one before."""
    found: dict[str, dict[str, Schema | None]] = {}
    before: dict[str, Schema] = {}
    for version in versions.SUPPORTED_KUBERNETES:
        swagger = source_of("k8s.io/kubernetes", version) / "api/openapi-spec/swagger.json"
        after = needed(json.loads(swagger.read_text(encoding="utf-8"))["definitions"])
        found[version] = changes(before, after)
        before = after
    return found


def monitoring() -> dict[str, Schema]:
    """Return the CRDs of the Prometheus operator: their names and the schemas of all versions."""
    module = "github.com/prometheus-operator/prometheus-operator"
    folder = source_of(module, versions.PROMETHEUS_OPERATOR) / _CRDS
    found: dict[str, Schema] = {}
    for plural in MONITORING:
        text = (folder / f"monitoring.coreos.com_{plural}.yaml").read_text(encoding="utf-8")
        spec = yaml.safe_load(text)["spec"]
        found[plural] = {
            "group": spec["group"],
            "names": {"kind": spec["names"]["kind"]},
            "versions": [
                {"name": each["name"], "schema": without_prose(each["schema"])}
                for each in spec["versions"]
            ],
        }
    return found


def text(source: str, content: Mapping[str, Mapping[str, Any]]) -> str:
    """Serialize definitions, one a line."""
    blocks = []
    for name, definitions in content.items():
        lines = (
            f"  {json.dumps(key)}: {json.dumps(each, separators=(',', ':'))}"
            for key, each in definitions.items()
        )
        blocks.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    head = {"source": source, "written by": "make lock"}
    return "{" + json.dumps(head)[1:-1] + ",\n " + ",\n ".join(blocks) + "\n}\n"


def main() -> None:
    """Write both files."""
    FOLDER.mkdir(exist_ok=True)
    source = "api/openapi-spec/swagger.json of k8s.io/kubernetes; a version lists what has changed"
    (FOLDER / "kubernetes.json").write_text(text(source, kubernetes()), encoding="utf-8")
    source = f"{_CRDS} of the Prometheus operator {versions.PROMETHEUS_OPERATOR}"
    (FOLDER / "monitoring.json").write_text(text(source, monitoring()), encoding="utf-8")


if __name__ == "__main__":
    main()
