"""Every field of the custom resources, from the CRDs' schemas."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from oomwarden.api.schema.crds import manifests

from tools.reference.markdown import code, codes, link, page, prose, section, table

Schema = dict[str, Any]
_LIMITS = (("minimum", "at least {}"), ("maximum", "at most {}"))
_SIZES = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("maxProperties", "at most {} entries"),
)
_LONG_PATTERN = 60
"""Characters from which on a pattern explains nothing to a reader."""
_FORMATS = {"int32", "int64"}
_INTRO = (
    "`kubectl explain oompolicy.spec` prints the same from a cluster. A field "
    "without a default may be absent, unless it is required. Objects with other "
    "values are refused by the API server."
)


class Field(NamedTuple):
    """A field of an object.

    Attributes:
        path: Its path, with `[]` for the items of a list and `{}` for the values of a map.
        schema: Its schema.
        required: Whether its parent must have it.
    """

    path: str
    schema: Schema
    required: bool


def fields_page() -> str:
    """Return the page of all kinds."""
    kinds = list(manifests().values())
    overview = table(
        ("kind", "scope", "short name", "what it is"), [_overview(each) for each in kinds]
    )
    return page(
        "Policies and records: every field",
        "operator/oomwarden/api",
        _INTRO,
        overview,
        *map(_kind_section, kinds),
    )


def fields_of(manifest: Schema) -> list[Field]:
    """Return all fields of a kind, without apiVersion, kind and metadata."""
    root = _schema(manifest)
    return [
        each
        for each in _walk(root, "")
        if each.path.split(".")[0] not in {"apiVersion", "kind", "metadata"}
    ]


def _schema(manifest: Schema) -> Schema:
    (version,) = manifest["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def _walk(schema: Schema, path: str) -> Iterator[Field]:
    needed = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield Field(here, inner, name in needed)
        yield from _inside(inner, here)


def _inside(schema: Schema, path: str) -> Iterator[Field]:
    if "items" in schema:
        yield from _inside(schema["items"], f"{path}[]")
    elif isinstance(values := schema.get("additionalProperties"), dict):
        yield from _inside(values, f"{path}{{}}")
    else:
        yield from _walk(schema, path)


def _overview(manifest: Schema) -> tuple[str, ...]:
    names = manifest["spec"]["names"]
    what = prose(_schema(manifest)["description"])
    return link(names["kind"]), manifest["spec"]["scope"], codes(names["shortNames"]), what


def _kind_section(manifest: Schema) -> str:
    names = manifest["spec"]["names"]
    rows = [_row(each) for each in fields_of(manifest)]
    return section(
        names["kind"],
        f"{prose(_schema(manifest)['description'])} `kubectl get {names['plural']}`.",
        table(("field", "type", "default", "bounds", "description"), rows),
        _columns(manifest),
        _rules(manifest),
    )


def _row(field: Field) -> tuple[str, ...]:
    schema = field.schema
    default = code(_plain(schema["default"])) if "default" in schema else ""
    needed = "required" if field.required and not default else ""
    return (
        code(field.path),
        type_of(schema),
        default or needed,
        bounds(schema),
        prose(schema.get("description", "")),
    )


def type_of(schema: Schema) -> str:
    """Return the type of a field in a word or two."""
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "items" in schema:
        return f"list of {type_of(schema['items'])}"
    if isinstance(values := schema.get("additionalProperties"), dict):
        return f"map of {type_of(values)}"
    form = schema.get("format")
    return f"{schema['type']} ({form})" if form and form not in _FORMATS else str(schema["type"])


def bounds(schema: Schema) -> str:
    """Return what the values of a field are limited to."""
    found = [f"one of {codes(schema['enum'])}"] if "enum" in schema else []
    if "minimum" in schema and "maximum" in schema:
        found.append(f"{schema['minimum']}..{schema['maximum']}")
    else:
        found += [text.format(schema[key]) for key, text in _LIMITS if key in schema]
    found += [text.format(schema[key]) for key, text in _SIZES if key in schema]
    if "pattern" in schema:
        found.append(_pattern(schema["pattern"]))
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict) and (each := bounds(inner)):
            found.append(f"each: {each}")
    return "; ".join(found)


def _pattern(pattern: str) -> str:
    if len(pattern) > _LONG_PATTERN:
        return "matches the pattern of the schema"
    return f"matches {code(pattern)}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value if value != "" else '""')


def _columns(manifest: Schema) -> str:
    (version,) = manifest["spec"]["versions"]
    rows = [
        (
            code(column["name"].upper()),
            code(column["jsonPath"]),
            prose(column.get("description", "")) + (" (`-o wide`)" if "priority" in column else ""),
        )
        for column in version.get("additionalPrinterColumns", ())
    ]
    return "Columns of `kubectl get`:\n\n" + table(("column", "from", "meaning"), rows)


def _rules(manifest: Schema) -> str:
    rows = [
        (code(path) if path else "the object", _said(rule))
        for path, schema in [("", _schema(manifest)), *_paths(_schema(manifest), "")]
        for rule in schema.get("x-kubernetes-validations", ())
    ]
    if not rows:
        return ""
    return "Rules between fields:\n\n" + table(("field", "the API server says"), rows)


def _said(rule: Schema) -> str:
    if "message" in rule:
        return prose(rule["message"])
    return f"failed rule: {code(rule['rule'])}"


def _paths(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield from _path_inside(inner, here)


def _path_inside(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    if "items" in schema:
        yield from _path_inside(schema["items"], f"{path}[]")
    elif isinstance(values := schema.get("additionalProperties"), dict):
        yield from _path_inside(values, f"{path}{{}}")
    else:
        yield from _paths(schema, path)
