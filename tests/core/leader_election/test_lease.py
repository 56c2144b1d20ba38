"""The record of a Lease is read leniently, and written without touching anything else."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.leader_election.lease import (
    MAX_LEASE_SECONDS,
    LeaseRecord,
    micro_time,
    read_lease,
    with_record,
)

RECORD = LeaseRecord("a", 15, "2026-11-30T09:00:00.000001Z", "2026-11-30T09:00:02.000000Z", 3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=8,
)
FIELDS = ["holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime", "leaseTransitions"]


def test_a_written_record_is_read_back_and_everything_else_stays() -> None:
    lease = {
        "metadata": {"name": "x", "resourceVersion": "7", "annotations": {"a": "b"}},
        "spec": {"strategy": "OldestEmulationVersion", "holderIdentity": "b"},
    }
    written = with_record(lease, RECORD)
    assert read_lease(written) == RECORD
    assert written["metadata"] == lease["metadata"]
    assert written["spec"]["strategy"] == "OldestEmulationVersion"
    assert read_lease(lease).holder == "b", "what was read is not changed"


@given(JSON | st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_a_lease_contains_it_is_read(spec: object) -> None:
    found = read_lease({"spec": spec})
    assert isinstance(found.holder, str)
    assert 0 <= found.duration <= MAX_LEASE_SECONDS
    assert found.transitions >= 0


def test_a_lease_without_a_spec_is_held_by_nobody() -> None:
    assert read_lease({}) == read_lease({"spec": None}) == LeaseRecord("", 0)


def test_times_have_the_form_of_kubernetes_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert micro_time(datetime(2026, 11, 30, 11, 0, 0, 5, east)) == "2026-11-30T09:00:00.000005Z"
    assert micro_time(datetime(2026, 11, 30, 9, tzinfo=UTC)) == "2026-11-30T09:00:00.000000Z"
