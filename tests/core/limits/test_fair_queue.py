"""A key with much work comes after the keys that have had no turn."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.limits.fair_queue import FairQueue

WHO = st.sampled_from("abcde")


def test_turns_come_in_the_order_in_which_they_fell_due() -> None:
    turns = FairQueue[str]()
    turns.put("late", 5.0)
    turns.put("first", 1.0)
    turns.put("second", 1.0)
    assert [turns.pop(2.0) for _ in range(3)] == ["first", "second", None]
    assert turns.next_due() == 5.0
    assert turns.pop(5.0) == "late"
    assert turns.next_due() == float("inf")


def test_a_key_that_is_added_again_keeps_its_place_and_a_dropped_one_has_none() -> None:
    turns = FairQueue[str]()
    turns.put("a", 1.0)
    turns.put("b", 2.0)
    turns.put("a", 3.0)
    assert turns.pop(9.0) == "a"
    turns.drop("b")
    assert (turns.pop(9.0), turns.next_due()) == (None, float("inf"))


@given(st.lists(WHO, min_size=1, max_size=5, unique=True), st.integers(1, 50))
def test_a_key_with_more_work_gets_as_many_turns_as_all_others(
    manager: list[str], rounds: int
) -> None:
    turns = FairQueue[str]()
    for each in manager:
        turns.put(each, 0.0)
    given: list[str] = []
    for now in range(rounds * len(manager)):
        taken = turns.pop(float(now))
        assert taken is not None
        given.append(taken)
        turns.put(taken, float(now))
    assert {given.count(each) for each in manager} == {rounds}


@given(st.lists(st.tuples(WHO, st.floats(0, 9), st.booleans())))
def test_each_key_has_one_turn_at_its_earliest_time(
    steps: list[tuple[str, float, bool]],
) -> None:
    turns, due = FairQueue[str](), dict[str, float]()
    for manager, at, drop in steps:
        if drop:
            turns.drop(manager)
            due.pop(manager, None)
        else:
            turns.put(manager, at)
            due[manager] = min(at, due.get(manager, at))
    taken = []
    while (who_next := turns.pop(10.0)) is not None:
        taken.append(who_next)
    assert sorted(taken) == sorted(due)
    assert [due[manager] for manager in taken] == sorted(due.values())
