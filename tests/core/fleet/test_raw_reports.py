"""An event of an OOMNode says the same, whether it was decoded whole or not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from oomwarden.core.fleet.node_report import heartbeat_of, report_digest, reported_node
from oomwarden.core.fleet.raw_reports import read_event
from oomwarden.kube.transport.bodies import parse_watch_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3)
    ),
    max_leaves=8,
)
REPORT = st.fixed_dictionaries(
    {"kind": st.sampled_from(["OOMPolicy", "Pod"]), "name": st.text(max_size=5)},
    optional={"observedGeneration": st.integers(0, 9), "enforced": JSON, "refusals": JSON},
)
STATUS = st.fixed_dictionaries(
    {},
    optional={
        "policies": st.lists(REPORT, max_size=3) | JSON,
        "resizes": JSON,
        "agent": st.fixed_dictionaries({"heartbeat": st.text(max_size=5)}) | JSON,
        "conditions": JSON,
    },
)


def line(kind: str, node: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": node}, separators=(",", ":")).encode()


@given(STATUS)
def test_an_event_says_the_same_as_the_whole_object(status: dict[str, Any]) -> None:
    node = {"kind": "OOMNode", "metadata": {"name": "a", "uid": "u"}, "status": status}
    found = read_event(line("MODIFIED", node))
    assert found is not None
    kind, lazy = found
    assert (kind, lazy["metadata"]) == ("MODIFIED", node["metadata"])
    assert heartbeat_of(lazy) == heartbeat_of(node)
    assert reported_node(lazy)._replace(digest=0) == reported_node(node)._replace(digest=0)


def test_lists_and_events_have_the_same_digest() -> None:
    """Else each node's first event after a list would be taken for news."""
    reports = [{"kind": "OOMPolicy", "name": "n", "observedGeneration": 1}]
    for status in ({"policies": reports}, {"policies": reports, "resizes": [{"pod": "p"}]}, {}):
        node = {"metadata": {"name": "a"}, "status": status}
        found = read_event(line("MODIFIED", node))
        assert found is not None
        assert isinstance(found[1]["status"]["policies"], Raw)
        assert report_digest(found[1]) == report_digest(node)


def test_a_changed_report_changes_the_digest_and_a_heartbeat_does_not() -> None:
    digests = []
    for heartbeat, enforced in (("a", 1), ("b", 1), ("b", 2)):
        policies = [{"kind": "OOMPolicy", "name": "n", "enforced": enforced}]
        status = {"agent": {"heartbeat": heartbeat}, "policies": policies}
        found = read_event(line("MODIFIED", {"metadata": {"name": "a"}, "status": status}))
        assert found is not None
        digests.append(report_digest(found[1]))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"[]",
        b"not JSON",
        b'{"type":"ADDED"}',
        b'{"type":"ADDED","object":{"metadata":[]}}',
        b'{"type":"ADDED","object":{"metadata":{},"status":"Failure"}}',
        b'{"type":"ERROR","object":{"metadata":{},"code":410}}',
        b'{"type":"ADDED","object":{"metadata":{"x":%b}}}' % (b"[" * 100_000 + b"]" * 100_000),
    ],
)
def test_anything_else_is_read_whole(odd: bytes) -> None:
    assert read_event(odd) is None


def with_report(depth: int) -> bytes:
    deep = b"[" * depth + b"]" * depth
    return b'{"type":"ADDED","object":{"metadata":{"name":"a"},"status":{"policies":[%b]}}}' % deep


def test_a_report_that_is_nested_deeply_is_skipped() -> None:
    found = read_event(with_report(depth=500))
    assert found is not None
    assert reported_node(found[1]).skipped == 1


def test_a_report_that_is_nested_too_deeply_for_the_decoder_is_read_whole_and_skipped() -> None:
    assert read_event(with_report(depth=5000)) is None
    _, manifest = parse_watch_event(with_report(depth=5000))
    assert reported_node(manifest).skipped == 1
