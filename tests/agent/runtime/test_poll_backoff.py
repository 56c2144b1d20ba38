from hypothesis import given
from hypothesis import strategies as st
from oomwarden.agent.runtime.poll_backoff import PollBackoff


@given(st.floats(0.1, 10), st.floats(10, 600), st.integers(0, 2000))
def test_each_wait_is_about_twice_as_long_as_the_one_before_up_to_a_limit(
    first: float, last: float, failures: int
) -> None:
    backoff = PollBackoff(first, last)
    for _ in range(failures):
        backoff.failed()
    expected = min(first * 2 ** min(failures, 60), last)
    assert 0.5 * expected <= backoff.failed() <= 1.5 * expected


def test_after_a_success_waits_are_short_again() -> None:
    backoff = PollBackoff(1.0, 100.0)
    for _ in range(10):
        backoff.failed()
    backoff.succeeded()
    assert backoff.failed() <= 1.5


def test_agents_that_fail_together_ask_again_apart() -> None:
    waits = {PollBackoff(5.0, 60.0).failed() for _ in range(100)}
    assert len(waits) > 90
    assert max(waits) - min(waits) > 2.5
