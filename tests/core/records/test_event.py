import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.cause import CauseVerdict
from oomwarden.core.incidents.incident import Incident, investigate
from oomwarden.core.model.cgroup import Level
from oomwarden.core.records.event import NOTE_BYTES, event, note, truncate
from oomwarden.core.records.oomkill import oom_kill

from tests.support.one_kill import CONTEXT, HOG, NOW, RANGE, SNAPSHOT

MIB = 1 << 20
GROUP = investigate(RANGE, SNAPSHOT, CONTEXT)
SINGLE = replace(GROUP, counter_range=replace(RANGE, end=3, group_kills=0))
UNSEEN = replace(GROUP, victims=(), log=())


def caused(cause: Cause) -> Incident:
    return replace(GROUP, verdict=CauseVerdict(cause), limit=None)


def test_the_event_refers_to_the_container_of_the_pod() -> None:
    line = event(GROUP, oom_kill(GROUP), NOW)
    assert line is not None
    assert line["regarding"]["fieldPath"] == "spec.containers{app}"
    assert line["note"] == note(GROUP)


def test_the_note_says_what_was_killed_at_whose_limit_what_died_and_what_to_do() -> None:
    assert note(GROUP) == (
        "container app: ho\\ng (pid 4242) killed at its limit 32Mi. The process held 30Mi of "
        "anonymous and shared memory. The whole container was killed. Raise its memory limit, or "
        "reduce its memory usage."
    )


def test_a_limit_that_the_pod_enforced_is_reported_as_such() -> None:
    verdict = CauseVerdict(Cause.CONTAINER_LIMIT, Level.POD)
    line = note(replace(GROUP, verdict=verdict))
    assert "killed at its limit 32Mi (enforced at the pod). " in line


def test_a_single_kill_leaves_open_whether_the_container_died() -> None:
    line = note(SINGLE)
    assert (
        "One process was killed: Kubernetes does not show this if the container keeps running."
        in line
    )
    assert "whole container" not in line


def test_several_single_kills_are_not_called_one() -> None:
    several = replace(SINGLE, counter_range=replace(RANGE, end=9, group_kills=0), kills=7)
    line = note(several)
    assert "ho\\ng (pid 4242), 7 kills, killed" in line
    assert ". Kubernetes does not show this if the container keeps running." in line


def test_mapped_files_do_not_count_as_the_victims_memory() -> None:
    victim = replace(HOG, anon_rss=400 * MIB, shmem_rss=1136 * MIB, file_rss=300 * MIB)
    assert "The process held 1.5Gi of anonymous" in note(replace(GROUP, victims=(victim,)))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (4096, "4Ki"), (1 << 20, "1Mi"), (31_500_000, "30Mi"), (500_000_000, "477Mi")],
)
def test_memory_is_rounded_for_people(size: int, text: str) -> None:
    victim = replace(HOG, anon_rss=size, shmem_rss=0)
    assert f"held {text} of" in note(replace(GROUP, victims=(victim,)))


def test_the_note_has_the_memory_of_the_first_of_several_victims() -> None:
    victims = (replace(HOG, anon_rss=20 * MIB), replace(HOG, pid=2, anon_rss=MIB))
    line = note(replace(GROUP, victims=victims))
    assert "(pid 4242) and 1 more killed" in line
    assert "The first held 20Mi" in line


def test_without_the_log_the_note_does_not_mention_the_victims_memory() -> None:
    line = note(UNSEEN)
    assert line.startswith("container app: a process killed at its limit 32Mi. The whole ")
    assert "held" not in line


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (Cause.CONTAINER_LIMIT, "Raise its memory limit, or reduce its memory usage."),
        (Cause.POD_LIMIT, "Raise the pod's memory limit, or "),
        (Cause.NODE_ALLOCATABLE, "It did not reach a limit of its own: check which of the "),
        (Cause.NODE_OUT_OF_MEMORY, "It did not reach a limit of its own: check what else "),
    ],
)
def test_the_advice_depends_on_the_cause(cause: Cause, advice: str) -> None:
    assert advice in note(caused(cause))


def test_an_unknown_cause_has_no_advice() -> None:
    line = note(caused(Cause.UNKNOWN))
    assert "it is unknown whose limit was reached." in line
    assert line.endswith("The whole container was killed.")


def test_many_candidates_leave_room_for_the_cause() -> None:
    names = tuple(f"{number:063}" for number in range(100))
    line = note(replace(UNSEEN, container=None, candidates=names))
    assert f"{names[4]} or 95 more: a process killed at its limit 32Mi." in line
    assert len(line.encode()) < NOTE_BYTES


@given(comm=st.binary(max_size=15), names=st.integers(0, 100), victims=st.integers(0, 16))
def test_no_note_has_to_be_cut(comm: bytes, names: int, victims: int) -> None:
    killed = tuple(replace(HOG, comm=comm, pid=2**22 - n, anon_rss=2**50) for n in range(victims))
    candidates = tuple(f"{number:063}" for number in range(names))
    many = replace(GROUP, container=None, candidates=candidates, victims=killed, kills=10**9)
    for cause in Cause:
        line = note(replace(many, verdict=CauseVerdict(cause, Level.POD), limit=2**50 + 1))
        assert len(line.encode()) <= NOTE_BYTES
        assert line.isprintable()


def test_a_kill_older_than_an_hour_has_no_event() -> None:
    assert event(GROUP, oom_kill(GROUP), NOW + 3601) is None


def test_text_is_cut_by_bytes_and_never_inside_a_character() -> None:
    assert truncate("aé", 2) == "a"
