from oomwarden.core.history.earlier import belongs_to, earlier_kills
from oomwarden.core.history.kill_record import KillRecord, read_record

from tests.support.kill_objects import oomkill


def record(
    name: str, time: str, kind: str = "Deployment", owner: str = "api", **changes: object
) -> KillRecord:
    pod = {"name": "p", "uid": "u", "owner": {"kind": kind, "name": owner}}
    return read_record(oomkill(name, pod=pod, time={"before": time}, **changes))


LAST = record("last", "2026-11-08T12:00:00Z", limit="512Mi")


def test_kills_of_the_same_owner_and_container_are_counted_by_how_long_ago() -> None:
    others = [
        LAST,
        record("today", "2026-11-08T01:00:00Z", kills=3, limit="256Mi"),
        record("this-week", "2026-11-03T01:00:00Z", kills=2, limit="256Mi"),
        record("long-ago", "2026-01-03T01:00:00Z", limit="128Mi"),
        record("later", "2026-11-09T01:00:00Z"),
        record("another", "2026-11-08T01:00:00Z", owner="web"),
        record("sidecar", "2026-11-08T01:00:00Z", container={"name": "proxy"}),
    ]
    found = earlier_kills(LAST, others, "Deployment", "api")
    assert (found.kills, found.last_24h, found.last_7d) == (6, 3, 5)
    assert found.first is not None
    assert found.first.isoformat() == "2026-01-03T01:00:00+00:00"
    assert found.limits_bytes == (128 << 20, 256 << 20, 512 << 20)
    assert found.records == ("today", "this-week", "long-ago")


def test_the_runs_of_a_cron_job_and_the_replica_sets_of_a_rollout_belong_together() -> None:
    run = record("a", "2026-11-08T01:00:00Z", "Job", "report-29384756")
    assert belongs_to(run, "CronJob", "report")
    assert not belongs_to(run, "CronJob", "rep")
    other = record("b", "2026-11-08T01:00:00Z", "Job", "report-monthly-29384756")
    assert not belongs_to(other, "CronJob", "report")
    replica_set = record("c", "2026-11-08T01:00:00Z", "ReplicaSet", "api-7d9f8")
    assert belongs_to(replica_set, "Rollout", "api")


def test_a_name_of_an_owner_is_no_pattern() -> None:
    run = record("a", "2026-11-08T01:00:00Z", "Job", "report-x-1")
    assert not belongs_to(run, "CronJob", "report.*")


def test_a_pod_without_an_owner_is_compared_by_its_name() -> None:
    solo = read_record(oomkill(pod={"name": "solo", "uid": "u"}))
    assert belongs_to(solo, "Pod", "solo")
    assert not belongs_to(solo, "Pod", "other")
