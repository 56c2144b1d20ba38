"""Strategies for API objects: valid by the CRDs' schemas, or of any shape."""

from functools import cache
from typing import Any

from hypothesis import strategies as st
from oomwarden.api.schema.crds import manifests

HASH = "0123456789abcdef0123456789abcdef"
VICTIM = "22222222-2222-2222-2222-222222222222"
NODE = "node-1"

ODD_TEXT = st.sampled_from(
    ["", "\0", "a\nb", "\u202e", "\u0085", "\ud800", "K" * 300, "1e3", "Ki", "-1", "1e30", "9" * 40]
)
TEXT = ODD_TEXT | st.text(max_size=20)
NUMBERS = st.integers() | st.sampled_from([2**63, -(2**63), 10**30, 0, -1]) | st.floats()
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
MOMENTS = st.sampled_from(
    ["2026-11-26T20:00:00Z", "2026-11-26T20:00:00.123456789Z", "0001-01-01T00:00:00Z",
     "9999-12-31T23:59:59Z", "2026-11-26T23:59:60Z", "2026-11-26t20:00:00z", "2026-11-26"]
)  # fmt: skip


def shaped(schema: dict[str, Any], *, odd: bool) -> st.SearchStrategy[Any]:
    """Return values that a structural schema allows; with `odd`, any part may be junk."""
    found = _shaped(schema, odd=odd)
    return found | JUNK if odd else found


def _shaped(schema: dict[str, Any], *, odd: bool) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "properties" in schema:
        parts = {key: shaped(part, odd=odd) for key, part in schema["properties"].items()}
        needed = set(schema.get("required", ()))
        optional = {key: part for key, part in parts.items() if key not in needed}
        return st.fixed_dictionaries({key: parts[key] for key in needed}, optional=optional)
    known = {"array": _list, "object": _mapping, "integer": _integer, "string": _string}
    if "type" not in schema:  # an amount of memory: an integer or a string
        return st.sampled_from(["512Mi", "1e3", "0", 4096, "01Gi"]) | TEXT | st.integers()
    kind = schema["type"]
    return known[kind](schema, odd=odd) if kind in known else st.booleans()


def _list(schema: dict[str, Any], *, odd: bool) -> st.SearchStrategy[Any]:
    most, least = min(schema.get("maxItems", 2), 2), schema.get("minItems", 0)
    return st.lists(shaped(schema["items"], odd=odd), min_size=least, max_size=most)


def _mapping(schema: dict[str, Any], *, odd: bool) -> st.SearchStrategy[Any]:
    values = shaped(schema.get("additionalProperties", {"type": "string"}), odd=odd)
    return st.dictionaries(st.text(min_size=1, max_size=9), values, max_size=2)


def _integer(schema: dict[str, Any], *, odd: bool) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1)
    return NUMBERS if odd else st.integers(low, high)


def _string(schema: dict[str, Any], *, odd: bool) -> st.SearchStrategy[Any]:
    if schema.get("format") == "date-time":
        return MOMENTS
    if "pattern" in schema and not odd:
        return st.from_regex(schema["pattern"], fullmatch=True).map(lambda text: text[:32])
    most = schema.get("maxLength", 70_000)
    return TEXT.map(lambda text: text[:most])


@cache
def objects_of(plural: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects of one of oomwarden's kinds: valid, or stored by another version."""
    schema = manifests()[plural]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    parts = {key: each for key, each in schema["properties"].items() if key != "metadata"}
    schema = schema | {"properties": parts}
    metadata = st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b", "c"]), "namespace": st.sampled_from(["shop", "bank"])},
        optional={
            "generation": st.integers(0, 9) | JUNK,
            "labels": JUNK,
            "managedFields": JUNK,
            "creationTimestamp": MOMENTS | JUNK,
            "resourceVersion": st.just("7"),
        },
    )
    known = _shaped(schema, odd=False) | _shaped(schema, odd=True)
    return st.builds(lambda facts, meta: {**facts, "metadata": meta}, known, metadata)


def _or_junk(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return mostly good values; `|` would give each branch of JUNK the same weight."""
    return st.integers(0, 9).flatmap(lambda number: JUNK if number == 9 else good)


_AMOUNTS = _or_junk(
    st.dictionaries(
        st.sampled_from(["memory", "cpu"]), st.sampled_from(["512Mi", "0.5", "1e30", "Ki"]) | JUNK
    )
)
_RESOURCES = _or_junk(
    st.fixed_dictionaries({}, optional={"limits": _AMOUNTS, "requests": _AMOUNTS})
)
_NAME = st.sampled_from(["app", "side"])
_CONTAINER = _or_junk(
    st.fixed_dictionaries(
        {"name": _NAME},
        optional={"resources": _RESOURCES, "restartPolicy": TEXT, "resizePolicy": JUNK},
    )
)
_MEDIUM = _or_junk(st.fixed_dictionaries({"medium": st.just("Memory") | JUNK}))
_VOLUME = _or_junk(st.fixed_dictionaries({"name": TEXT | JUNK}, optional={"emptyDir": _MEDIUM}))
_STATE = _or_junk(
    st.fixed_dictionaries(
        {},
        optional={
            "running": JUNK,
            "terminated": st.fixed_dictionaries(
                {"containerID": TEXT | JUNK},
                optional={"finishedAt": MOMENTS | JUNK, "exitCode": JUNK, "reason": TEXT | JUNK},
            )
            | JUNK,
        },
    )
)
_CONTAINER_STATUS = _or_junk(
    st.fixed_dictionaries(
        {"name": _NAME},
        optional={
            "containerID": TEXT | JUNK,
            "state": _STATE,
            "lastState": _STATE,
            "resources": _RESOURCES,
            "allocatedResources": _AMOUNTS,
        },
    )
)
_OWNER = _or_junk(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["Node"]) | ODD_TEXT, "name": st.sampled_from([NODE]) | ODD_TEXT},
        optional={
            "apiVersion": st.just("v1"),
            "controller": _or_junk(st.sampled_from([True])),
            "uid": TEXT,
        },
    )
)
_CLAIM = _or_junk(st.sampled_from([VICTIM, HASH.upper(), HASH + "\n", ""]))
_ANNOTATIONS = _or_junk(
    st.fixed_dictionaries(
        {},
        optional={
            "kubernetes.io/config.mirror": _CLAIM,
            "kubernetes.io/config.hash": _CLAIM,
            "kubernetes.io/config.source": _or_junk(st.just("file")),
        },
    )
)
_WRITER = _or_junk(
    st.fixed_dictionaries(
        {"manager": TEXT}, optional={"subresource": st.just("resize") | JUNK, "fieldsV1": JUNK}
    )
)
_METADATA = st.fixed_dictionaries(
    {
        "name": _or_junk(st.sampled_from(["evil", "worse"])),
        "namespace": _or_junk(st.just("tenant")),
        "uid": _or_junk(st.sampled_from(["33333333-3333-3333-3333-333333333333", "4"])),
    },
    optional={
        "labels": JUNK,
        "annotations": _ANNOTATIONS,
        "ownerReferences": _or_junk(st.lists(_OWNER, max_size=2)),
        "managedFields": _or_junk(st.lists(_WRITER, max_size=2)),
        "creationTimestamp": MOMENTS | JUNK,
        "deletionTimestamp": MOMENTS | JUNK,
    },
)
_CONTAINERS = _or_junk(st.lists(_CONTAINER, max_size=2))
_STATUSES = _or_junk(st.lists(_CONTAINER_STATUS, max_size=2))
_ODD_PODS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"metadata": _METADATA},
    optional={
        "spec": _or_junk(
            st.fixed_dictionaries(
                {"containers": _CONTAINERS, "nodeName": st.just(NODE)},
                optional={
                    "initContainers": _CONTAINERS,
                    "ephemeralContainers": _CONTAINERS,
                    "resources": _RESOURCES,
                    "overhead": _AMOUNTS,
                    "volumes": _or_junk(st.lists(_VOLUME, max_size=2)),
                    "priorityClassName": TEXT | JUNK,
                },
            )
        ),
        "status": _or_junk(
            st.fixed_dictionaries(
                {"phase": st.just("Pending")},
                optional={
                    "qosClass": st.sampled_from(["Burstable", "Platinum"]) | JUNK,
                    "conditions": JUNK,
                    "containerStatuses": _STATUSES,
                    "initContainerStatuses": _STATUSES,
                    "allocatedResources": _AMOUNTS,
                },
            )
        ),
    },
)
"""A tenant's pods. The API server refuses most of this; a newer version may accept more."""
_FORGED = st.builds(
    lambda claimed, uid, more: {
        "metadata": {
            "name": "evil",
            "namespace": "tenant",
            "uid": uid,
            "annotations": {f"kubernetes.io/config.{key}": claimed for key in ("hash", "mirror")},
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": "n", "controller": True}
            ],
            **more,
        },
        "spec": {"containers": [{"name": "app"}], "nodeName": NODE},
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    },
    st.sampled_from([HASH, VICTIM]),
    st.sampled_from(["33333333-3333-3333-3333-333333333333", "4"]),
    st.fixed_dictionaries({}, optional={"ownerReferences": JUNK, "annotations": _ANNOTATIONS}),
)
"""Mirror pods as a tenant may forge them: like the kubelet's, except for the status."""
PODS = _ODD_PODS | _FORGED
NAMESPACES = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": st.sampled_from(["shop", "bank"])}, optional={"labels": JUNK}
        )
    }
)
