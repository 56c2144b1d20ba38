from datetime import UTC, datetime, timedelta

from oomwarden.core.kill_test.latency import kill_latency

FOUND = datetime(2026, 11, 1, 10, 0, 0, 310_000, tzinfo=UTC)


def test_the_programs_last_line_gives_an_upper_bound() -> None:
    latency = kill_latency(FOUND, None, (FOUND - timedelta(seconds=0.31)).timestamp())
    assert latency
    assert latency.is_exact
    assert latency.text.startswith("at most 0.31 s from the kill until the agent found it")
    assert "10:00:00.000 to 10:00:00.310, both by the node's clock" in latency.text


def test_the_kubelets_whole_seconds_are_said_to_be_rough() -> None:
    latency = kill_latency(FOUND, FOUND.replace(microsecond=0), None)
    assert latency
    assert not latency.is_exact
    assert "give or take a second" in latency.text


def test_a_line_of_another_clock_is_not_compared() -> None:
    later = (FOUND + timedelta(seconds=5)).timestamp()
    latency = kill_latency(FOUND, FOUND.replace(microsecond=0), later)
    assert latency
    assert not latency.is_exact
    assert kill_latency(FOUND, None, later) is None
    assert kill_latency(FOUND, None, float("nan")) is None


def test_nothing_is_known_without_the_records_time() -> None:
    assert kill_latency(None, FOUND, 1.0) is None
