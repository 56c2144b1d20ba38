"""Whoever has much to do comes behind those who have had no turn."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.limits.turns import FairQueue

WHO = st.sampled_from("abcde")


def test_turns_come_in_the_order_in_which_they_fell_due() -> None:
    turns = FairQueue[str]()
    turns.put("late", 5.0)
    turns.put("first", 1.0)
    turns.put("second", 1.0)
    assert [turns.take(2.0) for _ in range(3)] == ["first", "second", None]
    assert turns.soonest() == 5.0
    assert turns.take(5.0) == "late"
    assert turns.soonest() == float("inf")


def test_who_is_put_again_keeps_the_earlier_place_and_a_dropped_one_has_none() -> None:
    turns = FairQueue[str]()
    turns.put("a", 1.0)
    turns.put("b", 2.0)
    turns.put("a", 3.0)
    assert turns.take(9.0) == "a"
    turns.drop("b")
    assert (turns.take(9.0), turns.soonest()) == (None, float("inf"))


@given(st.lists(WHO, min_size=1, max_size=5, unique=True), st.integers(1, 50))
def test_who_always_has_more_to_do_gets_as_many_turns_as_all_others(
    who: list[str], rounds: int
) -> None:
    turns = FairQueue[str]()
    for each in who:
        turns.put(each, 0.0)
    given: list[str] = []
    for now in range(rounds * len(who)):
        taken = turns.take(float(now))
        assert taken is not None
        given.append(taken)
        turns.put(taken, float(now))
    assert {given.count(each) for each in who} == {rounds}


@given(st.lists(st.tuples(WHO, st.floats(0, 9), st.booleans())))
def test_whatever_is_put_and_dropped_each_has_one_turn_at_its_earliest_time(
    steps: list[tuple[str, float, bool]],
) -> None:
    turns, due = FairQueue[str](), dict[str, float]()
    for who, at, drop in steps:
        if drop:
            turns.drop(who)
            due.pop(who, None)
        else:
            turns.put(who, at)
            due[who] = min(at, due.get(who, at))
    taken = []
    while (who_next := turns.take(10.0)) is not None:
        taken.append(who_next)
    assert sorted(taken) == sorted(due)
    assert [due[who] for who in taken] == sorted(due.values())
