from oomwarden.core.closing import CLOSE_SECONDS, IDLE_SECONDS, STILL_SECONDS, Closing


def known(_: int) -> bool:
    return True


def test_a_pod_closes_when_its_counters_were_still() -> None:
    closing = Closing()
    closing.bump(1, now=10.0, after=0, before=1)
    assert closing.due(10.0 + STILL_SECONDS / 2, 0, known) == []
    assert closing.due(10.0 + STILL_SECONDS, 0, known) == [1]


def test_counters_that_never_rest_close_after_a_second() -> None:
    closing = Closing()
    for tenth in range(30):
        closing.bump(1, now=10 + tenth / 20, after=0, before=1)
    assert closing.due(10 + CLOSE_SECONDS, 0, known) == [1]


def test_a_pod_waits_for_the_log_but_no_longer_than_its_second() -> None:
    closing = Closing()
    closing.bump(1, now=10.0, after=0, before=1)
    assert closing.due(10.2, log_from=10.5, nameable=known) == []
    assert closing.due(10.5, log_from=10.5, nameable=known) == [1]
    assert closing.due(11.0, log_from=12.0, nameable=known) == [1]


def test_a_pod_that_nobody_can_name_is_asked_for_again() -> None:
    closing = Closing()
    closing.bump(1, now=10.0, after=0, before=1)
    assert closing.due(10.2, 0, lambda _: False) == []
    assert closing.due(10.2 + STILL_SECONDS, 0, known) == [1]


def test_patience_is_until_the_next_pod_falls_due() -> None:
    closing = Closing()
    assert closing.patience(10.0) == IDLE_SECONDS
    closing.bump(1, now=0.0, after=0, before=1)
    assert closing.patience(0.0) == STILL_SECONDS
    assert closing.patience(1.0) == 0


def test_a_group_kill_that_goes_on_is_not_cut_in_two() -> None:
    closing = Closing()
    for tenth in range(30):
        closing.bump(1, now=10 + tenth / 20, after=0, before=1, group=tenth > 2)
    assert closing.due(10 + CLOSE_SECONDS, 0, known) == []
    assert closing.due(11.45 + STILL_SECONDS, 0, known) == [1]
