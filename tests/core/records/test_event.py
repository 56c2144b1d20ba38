from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.cause import Verdict
from oomwarden.core.incidents.incident import Incident, investigate
from oomwarden.core.model.cgroup import Level
from oomwarden.core.records.event import NOTE_BYTES, event, note, truncate
from oomwarden.core.records.oomkill import oom_kill

from tests.support.one_kill import HOG, NOW, RANGE, SNAPSHOT, WITNESS

MIB = 1 << 20
GROUP = investigate(RANGE, SNAPSHOT)
SINGLE = replace(GROUP, booking=replace(RANGE, end=3, group_kills=0))
UNSEEN = replace(GROUP, victims=(), from_log=False)


def caused(cause: Cause) -> Incident:
    return replace(GROUP, verdict=Verdict(cause), limit=None)


def test_the_event_is_on_the_container_of_the_pod() -> None:
    told = event(GROUP, oom_kill(GROUP, WITNESS), NOW)
    assert told is not None
    assert told["regarding"]["fieldPath"] == "spec.containers{app}"
    assert told["note"] == note(GROUP)


def test_the_line_tells_who_whose_limit_what_was_held_what_died_and_what_to_do() -> None:
    assert note(GROUP) == (
        "container app: ho\\ng (pid 4242) killed at its limit 32Mi. The process held 30Mi of "
        "anonymous and shared memory. The whole container was killed. Raise its memory limit, or "
        "have it use less."
    )


def test_a_limit_that_the_pod_enforced_is_told_as_such() -> None:
    verdict = Verdict(Cause.CONTAINER_LIMIT, Level.POD)
    told = note(replace(GROUP, verdict=verdict))
    assert "killed at its limit 32Mi (enforced at the pod). " in told


def test_of_a_single_kill_it_is_not_guessed_whether_the_container_died() -> None:
    told = note(SINGLE)
    assert (
        "One process was killed: if the container goes on, Kubernetes does not show this." in told
    )
    assert "whole container" not in told


def test_several_single_kills_are_not_called_one() -> None:
    several = replace(SINGLE, booking=replace(RANGE, end=9, group_kills=0), kills=7)
    told = note(several)
    assert "ho\\ng (pid 4242), 7 kills, killed" in told
    assert ". If the container goes on, Kubernetes does not show this." in told


def test_files_that_could_have_been_dropped_are_not_held() -> None:
    victim = replace(HOG, anon_rss=400 * MIB, shmem_rss=1136 * MIB, file_rss=300 * MIB)
    assert "The process held 1.5Gi of anonymous" in note(replace(GROUP, victims=(victim,)))


@pytest.mark.parametrize(
    ("size", "told"),
    [(0, "0"), (4096, "4Ki"), (1 << 20, "1Mi"), (31_500_000, "30Mi"), (500_000_000, "477Mi")],
)
def test_memory_is_rounded_for_a_person(size: int, told: str) -> None:
    victim = replace(HOG, anon_rss=size, shmem_rss=0)
    assert f"held {told} of" in note(replace(GROUP, victims=(victim,)))


def test_of_several_victims_the_memory_of_the_first_is_told() -> None:
    victims = (replace(HOG, anon_rss=20 * MIB), replace(HOG, pid=2, anon_rss=MIB))
    told = note(replace(GROUP, victims=victims))
    assert "(pid 4242) and 1 more killed" in told
    assert "The first held 20Mi" in told


def test_without_the_log_nothing_is_said_of_the_victims_memory() -> None:
    told = note(UNSEEN)
    assert told.startswith("container app: a process killed at its limit 32Mi. The whole ")
    assert "held" not in told


@pytest.mark.parametrize(
    ("cause", "step"),
    [
        (Cause.CONTAINER_LIMIT, "Raise its memory limit, or have it use less."),
        (Cause.POD_LIMIT, "Raise the pod's memory limit, or "),
        (Cause.NODE_ALLOCATABLE, "No limit of its own was hit: see what the node's pods "),
        (Cause.NODE_OUT_OF_MEMORY, "No limit of its own was hit: see what else "),
    ],
)
def test_the_next_step_is_that_of_the_cause(cause: Cause, step: str) -> None:
    assert step in note(caused(cause))


def test_of_an_unknown_cause_no_step_is_guessed() -> None:
    told = note(caused(Cause.UNKNOWN))
    assert "whose limit it was is unknown." in told
    assert told.endswith("The whole container was killed.")


def test_many_candidates_leave_room_for_the_cause() -> None:
    names = tuple(f"{number:063}" for number in range(100))
    told = note(replace(UNSEEN, container=None, candidates=names))
    assert f"{names[4]} or 95 more: a process killed at its limit 32Mi." in told
    assert len(told.encode()) < NOTE_BYTES


@given(comm=st.binary(max_size=15), names=st.integers(0, 100), victims=st.integers(0, 16))
def test_no_line_has_to_be_cut(comm: bytes, names: int, victims: int) -> None:
    killed = tuple(replace(HOG, comm=comm, pid=2**22 - n, anon_rss=2**50) for n in range(victims))
    candidates = tuple(f"{number:063}" for number in range(names))
    crowd = replace(GROUP, container=None, candidates=candidates, victims=killed, kills=10**9)
    for cause in Cause:
        told = note(replace(crowd, verdict=Verdict(cause, Level.POD), limit=2**50 + 1))
        assert len(told.encode()) <= NOTE_BYTES
        assert told.isprintable()


def test_a_kill_older_than_an_hour_gives_no_event() -> None:
    assert event(GROUP, oom_kill(GROUP, WITNESS), NOW + 3601) is None


def test_text_is_cut_by_bytes_and_never_inside_a_character() -> None:
    assert truncate("aé", 2) == "a"
