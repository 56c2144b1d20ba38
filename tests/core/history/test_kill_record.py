from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.history.kill_record import read_record

from tests.support.any_json import any_json
from tests.support.kill_objects import oomkill


def test_a_record_is_read_back() -> None:
    record = read_record(oomkill("api-1-aaaa"))
    assert (record.namespace, record.pod, record.container) == ("shop", "api-1", "app")
    assert (record.workload, record.cause, record.limit) == (
        "Deployment/api",
        "ContainerLimit",
        512 << 20,
    )
    (victim,) = record.victims
    assert (victim.pid, victim.command, dict(victim.sizes)) == (
        4242,
        "python3",
        {"anonRSS": 480 << 20},
    )


def test_several_candidates_are_no_container() -> None:
    record = read_record(oomkill(container={"candidates": ["a", "b"]}))
    assert (record.container, record.containers) == (None, ("a", "b"))


@given(st.sampled_from(sorted(oomkill())), any_json)
def test_a_field_of_any_type_never_raises(field: str, value: Any) -> None:  # noqa: ANN401 - JSON
    read_record(oomkill() | {field: value})


@pytest.mark.parametrize("part", ["container", "pod", "time", "victims"])
@given(st.text(), any_json)
def test_a_part_of_any_type_never_raises(part: str, key: str, value: Any) -> None:  # noqa: ANN401
    known = oomkill()[part]
    for each in [key, *(known if isinstance(known, dict) else [])]:
        read_record(oomkill() | {part: {each: value}})
