"""JSON of any shape, and known objects with a part replaced by it."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.support.workload_objects import Object

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["512Mi", "-1Ei", "2026-11-01T10:00:00Z", "0001-01-01T00:00:00Z", "\x1b[31m"])
)
any_json = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


@st.composite
def broken(draw: st.DrawFn, manifest: Object) -> Object:
    """Return an object with some of its parts replaced by other JSON."""
    found = deepcopy(manifest)
    for _ in range(draw(st.integers(1, 3))):
        _replace_one(draw, found)
    return found


def _replace_one(draw: st.DrawFn, found: Any) -> None:  # noqa: ANN401 - JSON
    part = found
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        inner = part[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            part[key] = draw(any_json)
            return
        part = inner
