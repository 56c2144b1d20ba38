from oomwarden.agent.delivery.release_pace import GAP_SECONDS, SHARE, ReleasePace
from oomwarden.core.quota.pressure import CALM, Pressure


def looked_through(at: float, seconds: float = 0.0, wait: float | None = None) -> ReleasePace:
    pace = ReleasePace()
    assert pace.begin(at, CALM)
    pace.end(at + seconds, wait)
    return pace


def test_held_records_are_not_looked_through_at_every_post() -> None:
    pace = looked_through(10.0)
    assert not pace.begin(10.5, CALM)
    assert pace.begin(10.0 + GAP_SECONDS, CALM)


def test_what_was_skipped_is_made_up_for() -> None:
    pace = looked_through(10.0)
    assert pace.next_due() is None
    pace.begin(10.5, CALM)
    assert pace.next_due() == 10.0 + GAP_SECONDS


def test_the_next_record_that_is_due_ends_the_wait() -> None:
    assert looked_through(10.0, wait=7.0).next_due() == 17.0
    assert looked_through(10.0, wait=0.0).next_due() == 10.0 + GAP_SECONDS


def test_a_long_look_takes_a_small_share_of_a_processor() -> None:
    pace = looked_through(10.0, seconds=0.5)
    assert not pace.begin(10.5 + SHARE * 0.5 - 0.1, CALM)
    assert pace.begin(10.5 + SHARE * 0.5, CALM)


def test_another_pressure_counts_immediately() -> None:
    assert looked_through(10.0).begin(10.1, Pressure(nodes=2000))
