"""A candidate waits for a holder, takes over what is free, renews, and notices when it is lost."""

from datetime import UTC, datetime
from typing import Any

import pytest
from oomwarden.core.leader_election.candidate import (
    ElectionTimes,
    LeaseCandidate,
    Lost,
    Read,
    Wait,
    Write,
)
from oomwarden.core.leader_election.lease import read_lease

WALL = datetime(2026, 11, 30, 9, tzinfo=UTC)
NO_JITTER = 0.0


def lease(holder: str, renewed: str = "t0", version: int = 1, **more: int) -> dict[str, Any]:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed, **more}
    return {"metadata": {"name": "x", "resourceVersion": str(version)}, "spec": spec}


def standby(holder: str = "other", now: float = 0.0) -> LeaseCandidate:
    candidate = LeaseCandidate("me")
    candidate.observed(lease(holder), now, NO_JITTER)
    return candidate


def leader(now: float = 0.0) -> LeaseCandidate:
    candidate = LeaseCandidate("me")
    candidate.observed(None, now, NO_JITTER)
    candidate.written(lease("me"), now, now)
    return candidate


def test_without_a_lease_it_creates_one_at_once() -> None:
    candidate = LeaseCandidate("me")
    assert candidate.step(0, WALL) == Read()
    candidate.observed(None, 0.1, NO_JITTER)
    step = candidate.step(0.1, WALL)
    assert isinstance(step, Write)
    assert not step.exists
    record = read_lease(step.lease)
    assert (record.holder, record.duration, record.transitions) == ("me", 15, 0)
    assert record.acquired == record.renewed == "2026-11-30T09:00:00.000000Z"
    assert not candidate.leads(0.1), "only once it is stored"


def test_a_held_lease_is_left_alone_until_it_was_not_renewed_for_its_duration() -> None:
    candidate = standby(now=100)
    assert candidate.step(100, WALL) == Wait(2)
    for now in (102, 104, 106, 108, 110, 112, 114):
        assert candidate.step(now, WALL) == Read()
        candidate.observed(lease("other"), now, NO_JITTER)
    assert candidate.step(114.5, WALL) == Wait(0.5), "it looks again at the moment it is free"
    assert candidate.step(115, WALL) == Read()
    candidate.observed(lease("other"), 115, NO_JITTER)
    step = candidate.step(115, WALL)
    assert isinstance(step, Write)
    assert step.exists
    assert step.lease["metadata"]["resourceVersion"] == "1"
    assert read_lease(step.lease).transitions == 1


def test_each_renewal_starts_the_wait_again_whatever_time_it_shows() -> None:
    candidate = standby(now=0)
    candidate.observed(lease("other", "1970-01-01T00:00:00.000000Z", version=2), 14, NO_JITTER)
    candidate.observed(lease("other", "1970-01-01T00:00:00.000000Z", version=2), 28, NO_JITTER)
    assert isinstance(candidate.step(28, WALL), Wait)
    candidate.observed(lease("other", "1970-01-01T00:00:00.000000Z", version=2), 29, NO_JITTER)
    assert isinstance(candidate.step(29, WALL), Write)


def test_an_annotation_of_a_third_party_does_not_delay_the_takeover() -> None:
    candidate = standby(now=0)
    candidate.observed(lease("other", version=9), 15, NO_JITTER)
    step = candidate.step(15, WALL)
    assert isinstance(step, Write)
    assert step.lease["metadata"]["resourceVersion"] == "9"


def test_a_released_lease_is_taken_at_once() -> None:
    candidate = standby()
    candidate.observed(lease(""), 2, NO_JITTER)
    assert isinstance(candidate.step(2, WALL), Write)


def test_a_holder_with_a_longer_duration_is_waited_for_but_not_for_ever() -> None:
    for seconds, free_after in ((30, 30), (2**31 - 1, 600), (1, 15)):
        candidate = LeaseCandidate("me")
        held = lease("other", leaseDurationSeconds=seconds)
        candidate.observed(held, 0, NO_JITTER)
        candidate.observed(held, free_after - 0.1, NO_JITTER)
        assert isinstance(candidate.step(free_after - 0.1, WALL), Wait)
        candidate.observed(held, free_after, NO_JITTER)
        assert isinstance(candidate.step(free_after, WALL), Write)


def test_a_leader_renews_without_reading_and_keeps_what_it_has_acquired() -> None:
    candidate = leader()
    assert candidate.step(0, WALL) == Wait(2)
    step = candidate.step(2, WALL.replace(second=2))
    assert isinstance(step, Write)
    assert step.exists
    record = read_lease(step.lease)
    assert (record.holder, record.transitions) == ("me", 0)
    assert record.renewed == "2026-11-30T09:00:02.000000Z"


def test_it_leads_for_the_renew_deadline_after_the_renewal_was_sent() -> None:
    candidate = LeaseCandidate("me")
    candidate.written(lease("me"), sent=100, now=104)
    assert candidate.leads(109.9)
    assert not candidate.leads(110)
    assert candidate.step(110, WALL) == Lost("it could not be renewed for 10 s")


def test_failed_renewals_are_retried_until_the_deadline() -> None:
    candidate = leader()
    for now in (2, 4, 6, 8):
        assert not isinstance(candidate.step(now, WALL), Wait | Lost)
        candidate.failed(now, NO_JITTER)
    assert candidate.leads(9.9)
    assert isinstance(candidate.step(10, WALL), Lost)


def test_a_leader_that_reads_another_holder_stops_at_once() -> None:
    candidate = leader()
    candidate.refused(2, NO_JITTER)
    assert candidate.step(2, WALL) == Read(), "someone has changed the Lease"
    candidate.observed(lease("other", version=3), 2.1, NO_JITTER)
    assert not candidate.leads(2.1)
    assert candidate.step(2.1, WALL) == Lost("other holds it")


def test_a_leader_whose_lease_was_edited_or_deleted_goes_on() -> None:
    for found in (lease("me", version=4), None, lease("", version=4)):
        candidate = leader()
        candidate.refused(2, NO_JITTER)
        candidate.observed(found, 2.1, NO_JITTER)
        step = candidate.step(2.1, WALL)
        assert isinstance(step, Write)
        assert step.exists is (found is not None)
        assert candidate.leads(9.9)


def test_refusals_that_go_on_are_not_answered_with_a_flood_of_requests() -> None:
    candidate = leader()
    candidate.refused(2, NO_JITTER)
    candidate.observed(lease("me", version=4), 2, NO_JITTER)
    candidate.refused(2, NO_JITTER)
    assert candidate.step(2, WALL) == Wait(2)


def test_a_holder_whose_lease_was_deleted_may_still_work_so_it_is_waited_for() -> None:
    candidate = standby(now=0)
    candidate.observed(None, 10, NO_JITTER)
    assert isinstance(candidate.step(10, WALL), Wait)
    candidate.observed(None, 24.9, NO_JITTER)
    assert isinstance(candidate.step(24.9, WALL), Wait)
    candidate.observed(None, 25, NO_JITTER)
    step = candidate.step(25, WALL)
    assert isinstance(step, Write)
    assert not step.exists


def test_an_acquisition_whose_answer_was_lost_is_repeated_before_it_leads() -> None:
    candidate = standby(now=0)
    candidate.observed(lease("other"), 15, NO_JITTER)
    candidate.failed(20, NO_JITTER)
    candidate.observed(lease("me", "t1", version=2), 22, NO_JITTER)
    assert not candidate.leads(22)
    assert isinstance(candidate.step(22, WALL), Write)


def test_only_ones_own_lease_is_released() -> None:
    candidate = leader()
    made = candidate.released(lease("me", version=8, leaseTransitions=4), WALL)
    assert made is not None
    record = read_lease(made)
    assert (record.holder, record.duration, record.transitions) == ("", 1, 4)
    assert made["metadata"]["resourceVersion"] == "8"
    assert not candidate.leads(0)
    assert leader().released(lease("other"), WALL) is None
    assert leader().released({}, WALL) is None


def test_a_standby_is_ready_once_it_has_read_the_lease() -> None:
    assert not LeaseCandidate("me").is_ready
    assert standby().is_ready


def test_a_hanging_request_leaves_time_for_another_and_none_after_the_deadline() -> None:
    assert standby().patience(0) == 5
    candidate = leader()
    assert [candidate.patience(now) for now in (2, 8, 12)] == [5, 2, 0]


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_pauses_differ_between_candidates_by_the_jitter_at_most(chance: float) -> None:
    candidate = LeaseCandidate("me", ElectionTimes(jitter=0.5))
    candidate.failed(0, chance)
    step = candidate.step(0, WALL)
    assert isinstance(step, Wait)
    assert 2 <= step.seconds < 3
