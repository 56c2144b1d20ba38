import time

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.agent.runtime.ticks import (
    WITH_DETECTION,
    WITH_SAMPLES,
    WITH_SCANS,
    next_tick,
    until_tick,
)


@given(st.floats(0, 1e7), st.sampled_from([2.0, 5.0, 10.0, 20.0, 30.0]), st.floats(0, 10))
def test_the_next_tick_lies_ahead_and_is_a_multiple_of_the_period_and_the_phase(
    now: float, period: float, phase: float
) -> None:
    tick = next_tick(period, now, phase)
    assert now - 1e-6 < tick <= now + period
    multiple = (tick - phase) / period
    assert abs(multiple - round(multiple)) < 1e-6


def test_loops_of_different_phases_never_wake_together() -> None:
    phases = (0.0, WITH_SAMPLES, WITH_DETECTION, WITH_SCANS)
    ticks = sorted(next_tick(10.0, 123.4, phase) for phase in phases)
    assert ticks == [125.0, 127.5, 130.0, 132.5]


def test_loops_with_periods_that_divide_each_other_wake_together() -> None:
    assert {next_tick(period, 1_234_567.8) for period in (10.0, 5.0, 2.5)} == {1_234_570.0}


def test_the_wait_ends_at_a_tick() -> None:
    before = time.monotonic()
    wait = until_tick(30.0)
    after = time.monotonic()
    assert next_tick(30.0, before) - after <= wait <= next_tick(30.0, before) - before
