"""The published pressure is small, and parsed without trust."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.quota.pressure import (
    KEY,
    MAX_NAMESPACES,
    YOUNG_IN_NEED_SECONDS,
    YOUNG_SECONDS,
    Pressure,
    PressureLevel,
    from_config_map,
    to_config_map,
)

NAMES = st.text("abc-", min_size=1, max_size=63)
PRESSURES = st.builds(
    Pressure,
    st.sampled_from(PressureLevel),
    st.dictionaries(
        NAMES, st.sampled_from([PressureLevel.SOME, PressureLevel.HIGH, PressureLevel.FULL])
    ),
    st.just(PressureLevel.CALM),
    st.integers(1, 5000),
    st.sampled_from([YOUNG_SECONDS, YOUNG_IN_NEED_SECONDS]),
)


@given(PRESSURES)
def test_the_written_pressure_is_read_back(pressure: Pressure) -> None:
    assert from_config_map(to_config_map(pressure)) == pressure


def test_the_worst_of_too_many_namespaces_are_named_and_the_others_share_a_level() -> None:
    many = {f"{n:063}": PressureLevel.SOME for n in range(2 * MAX_NAMESPACES)}
    data = to_config_map(Pressure(namespaces={**many, "loop": PressureLevel.FULL}))
    assert len(data[KEY]) < 25 * 1024
    pressure = from_config_map(data)
    assert pressure is not None
    assert pressure.level_of("loop") is PressureLevel.FULL
    assert pressure.level_of("not-named") is PressureLevel.SOME


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KEYS = ("cluster", "namespaces", "others", "nodes", "keptSeconds")


@given(st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(NAMES, JSON)))
def test_whatever_is_published_the_fields_stay_within_bounds(content: dict[str, Any]) -> None:
    pressure = from_config_map({KEY: json.dumps(content)})
    assert pressure is None or (
        pressure.cluster in PressureLevel
        and pressure.level_of("shop") in PressureLevel
        and 1 <= pressure.nodes <= 100_000
        and YOUNG_IN_NEED_SECONDS <= pressure.kept_seconds <= YOUNG_SECONDS
    )


@given(st.text() | JSON | st.dictionaries(st.just(KEY), st.text()))
def test_unreadable_data_is_none(data: object) -> None:
    assert from_config_map(data) is None


def test_text_that_nests_too_deeply_is_none() -> None:
    assert from_config_map({KEY: "[" * 100_000}) is None
