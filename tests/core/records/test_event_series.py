from typing import Any

from oomwarden.core.records.event_series import EventSeries


def event(name: str, second: int) -> dict[str, Any]:
    time = f"2026-01-02T03:04:{second:02}.000000Z"
    return {"metadata": {"name": name, "namespace": "shop"}, "eventTime": time}


FIRST, LATER = event("api-1", 5), event("api-2", 50)
ONE = EventSeries(FIRST, FIRST, 1)


def test_an_event_of_one_kill_has_no_series() -> None:
    assert (ONE.manifest(), ONE.patch()) == (FIRST, {})


def test_a_later_record_only_changes_the_count_and_the_time() -> None:
    raised = ONE.with_kills(LATER, 3)
    series = {"count": 4, "lastObservedTime": LATER["eventTime"]}
    assert raised.patch() == {"series": series}
    assert raised.manifest() == FIRST | {"series": series}
    assert raised.last_observed == ONE.last_observed + 45


def test_a_deleted_event_is_followed_by_one_of_the_last_record_for_the_unposted_kills() -> None:
    restarted = EventSeries(FIRST, LATER, 9, posted_count=4).restarted()
    assert restarted == EventSeries(LATER, LATER, 5)
    assert restarted.manifest()["series"]["count"] == 5
