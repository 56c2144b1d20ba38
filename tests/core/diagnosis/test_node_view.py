from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.diagnosis.node_health import node_health
from oomwarden.core.diagnosis.node_view import NearMisses, read_node
from oomwarden.core.diagnosis.promises import promises_of

from tests.support.node_objects import ago, oomnode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = [
    "agent", "conditions", "kernel", "memory", "kills", "nearMisses", "outranked",
    "outrankedLeftOut",
]  # fmt: skip


def test_the_facts_of_an_oomnode_are_read() -> None:
    found = read_node(oomnode(nearMisses={"total": 3}))
    assert (found.name, found.version, found.mode, found.ratio) == ("node-1", "0.1.0", "Never", 80)
    assert found.sizes["swapFree"] == 3 << 29
    assert found.stalls["some", "avg60"] == 0.53
    assert found.near_misses == NearMisses(3, ())
    assert found.outranked == ()


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON), st.dictionaries(st.sampled_from(FIELDS), JSON)
)
def test_whatever_an_oomnode_contains_it_can_be_read(
    status: dict[str, Any], memory: dict[str, Any]
) -> None:
    node = read_node({"metadata": {"name": "n"}, "status": status | {"memory": memory}})
    assert node.name == "n"
    assert promises_of(node).share is None


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "-1.00", "9" * 400, "nan", "\u0661"])
def test_a_share_that_is_no_percentage_is_unknown(text: str) -> None:
    psi = {"some": {"avg60": text}}
    assert read_node({"status": {"memory": {"psi": psi}}}).stalls == {}


def test_a_heartbeat_in_the_future_is_not_silent() -> None:
    node = read_node(oomnode(heartbeat=ago(-3600)))
    now = read_node(oomnode(heartbeat=ago(0))).heartbeat
    assert now is not None
    assert node_health(node, now).state == "Ready"
