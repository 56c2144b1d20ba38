from oomwarden.probes.watch_progress import WatchProgress


def test_a_watch_has_an_age_from_its_first_event_on() -> None:
    progress = WatchProgress()
    pods, policies = progress.loops(["pods", "policies"])
    progress.marker("pods")()
    age = pods.age()
    assert age is not None
    assert 0 <= age < 60
    assert policies.age() is None
    assert [pods.name, policies.name] == ["watch-pods", "watch-policies"]
    assert not pods.is_late()
