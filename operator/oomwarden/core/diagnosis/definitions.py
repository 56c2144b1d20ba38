"""Whether the cluster's CRDs are those that this command knows, field by field."""

from collections.abc import Iterator

from oomwarden.api.schema.crds import manifests
from oomwarden.api.vocabulary import API_VERSION
from oomwarden.core.diagnosis.check import Check, Result, installed, listed
from oomwarden.core.objects.json_parts import Json, object_at

NAME = "CRDs"
_SKIPPED = {"apiVersion", "kind", "metadata"}
_MAX_DEPTH = 30
_INSTALL = "helm upgrade --install oomwarden charts/oomwarden -n oomwarden --create-namespace"


def definitions_check(openapi: Json | None) -> Check:
    """Compare the served schemas with those of this command.

    Args:
        openapi: OpenAPI v3 of the group version; None if the API server does not have it.
    """
    known = known_fields()
    # The document also has DeleteOptions and such, which claim to be of this group.
    served = {
        kind: fields for kind, fields in served_fields(openapi or {}).items() if kind in known
    }
    missing = sorted(known.keys() - served.keys())
    if missing:
        what = "none of its kinds" if len(missing) == len(known) else f"no {', '.join(missing)}"
        text = f"the API server has {what} in {API_VERSION}"
        return installed(NAME, Result.FAIL, text, f"install them: {_INSTALL}")
    lacking = _difference(known, served)
    if lacking:
        text = f"the CRDs are older than this command: they have no {listed(lacking)}"
        remedy = f"upgrade the release, or use its version of kubectl oom: {_INSTALL}"
        return installed(NAME, Result.WARN, text, remedy)
    newer = _difference(served, known)
    if newer:
        text = f"the CRDs are newer than this command, which ignores {listed(newer)}"
        return installed(NAME, Result.WARN, text, "pipx upgrade oomwarden")
    return installed(NAME, Result.OK, f"{len(known)} kinds of {API_VERSION}, as this command")


def known_fields() -> dict[str, set[str]]:
    """Return the fields of each kind that this command knows."""
    found: dict[str, set[str]] = {}
    for manifest in manifests().values():
        spec = manifest["spec"]
        schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
        found[spec["names"]["kind"]] = set(_fields(schema))
    return found


def served_fields(openapi: Json) -> dict[str, set[str]]:
    """Return the fields of each kind that the API server knows."""
    schemas = object_at(object_at(openapi, "components"), "schemas")
    found: dict[str, set[str]] = {}
    for schema in schemas.values():
        kinds = schema.get("x-kubernetes-group-version-kind") if isinstance(schema, dict) else None
        for kind in kinds if isinstance(kinds, list) else ():
            name = object_at({"kind": kind}, "kind").get("kind")
            if isinstance(name, str) and not name.endswith("List"):
                found[name] = set(_fields(schema))
    return found


def _difference(one: dict[str, set[str]], other: dict[str, set[str]]) -> list[str]:
    """Return the fields of `one` that are not in `other`, without what is inside of them."""
    missing = {f"{kind}.{path}" for kind, paths in one.items() for path in paths - other[kind]}
    return sorted(path for path in missing if path.rpartition(".")[0] not in missing)


def _fields(schema: Json, path: str = "", depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    for name, child in object_at(schema, "properties").items():
        if path or name not in _SKIPPED:
            here = f"{path}.{name}" if path else str(name)
            yield here
            yield from _fields(child, here, depth + 1)
    for inner in ("items", "additionalProperties"):
        if path and (part := object_at(schema, inner)):
            yield from _fields(part, path, depth + 1)
