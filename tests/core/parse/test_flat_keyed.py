import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.model.cgroup import KillCounters, LimitHits
from oomwarden.core.parse.flat_keyed import parse_limit, parse_limit_hits, parse_memory_events


def test_keys_of_newer_kernels_in_memory_events_are_skipped() -> None:
    text = b"low 0\nhigh 3\nmax 7\noom 2\noom_kill 2\noom_group_kill 1\nsock_throttled 9\n"
    assert parse_memory_events(text) == KillCounters(oom=2, oom_kill=2, oom_group_kill=1)


def test_a_kernel_before_5_17_has_no_group_kills() -> None:
    events = parse_memory_events(b"max 0\noom 0\noom_kill 4\n")
    assert events is not None
    assert events.oom_group_kill == 0


def test_hits_of_a_limit_are_max_and_failures_are_oom() -> None:
    text = b"low 0\nhigh 3\nmax 7\noom 2\noom_kill 5\noom_group_kill 1\n"
    assert parse_limit_hits(text) == LimitHits(hits=7, failures=2)


@pytest.mark.parametrize("text", [b"", b"max 1\n", b"oom 1\n", b"max x\noom 1\n", b"max -1\noom 0"])
def test_a_torn_file_of_limit_hits_is_none(text: bytes) -> None:
    assert parse_limit_hits(text) is None


@given(st.binary())
def test_garbage_is_none_and_never_raises(text: bytes) -> None:
    assert b"oom_kill" in text or parse_memory_events(text) is None


def test_no_limit_is_none_and_garbage_is_an_error() -> None:
    assert parse_limit(b"max\n") is None
    assert parse_limit(b"33554432\n") == 33554432
    with pytest.raises(ValueError, match="invalid literal"):
        parse_limit(b"lots\n")
