from oomwarden.core.event import event, truncate
from oomwarden.core.incident import investigate
from oomwarden.core.record import oom_kill
from test_record import BOOKING, NOW, SCENE, WITNESS


def test_the_event_is_on_the_container_of_the_pod() -> None:
    incident = investigate(BOOKING, SCENE)
    told = event(incident, oom_kill(incident, WITNESS), NOW)
    assert told is not None
    assert told["regarding"]["fieldPath"] == "spec.containers{app}"
    assert told["note"] == "container app: ho\\ng (pid 4242) killed at its limit 32Mi."


def test_a_kill_older_than_an_hour_gives_no_event() -> None:
    incident = investigate(BOOKING, SCENE)
    assert event(incident, oom_kill(incident, WITNESS), NOW + 3601) is None


def test_text_is_cut_by_bytes_and_never_inside_a_character() -> None:
    assert truncate("aé", 2) == "a"
