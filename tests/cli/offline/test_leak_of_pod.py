from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from oomwarden.cli.offline import usage_sources

from tests.cli.offline.test_leak import Clock, part
from tests.support.command_line import CommandLine
from tests.support.kill_objects import oomkill

METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/api-1"
POD = "/api/v1/namespaces/shop/pods/api-1"
KILL = datetime(2026, 11, 1, 10, tzinfo=UTC)


def stamp(seconds: float) -> str:
    return (KILL + timedelta(seconds=seconds)).isoformat()


def memory(*usages: int) -> dict[str, Any]:
    """Return readings of every ten seconds, the last of them at the kill."""
    readings = [
        {"at": stamp((number - len(usages)) * 10), "usage": f"{usage}Mi"}
        for number, usage in enumerate(usages, 1)
    ]
    return {**readings[-1], "samples": readings}


BURST = memory(*[200] * 20, 260, 330, 400, 480)


def metrics(usage: str, seconds: float, *names: str) -> dict[str, Any]:
    containers = [{"name": name, "usage": {"memory": usage}} for name in names or ("app",)]
    return {"metadata": {}, "timestamp": stamp(seconds), "containers": containers}


def pod(**limits: str) -> dict[str, Any]:
    containers = [
        {"name": name, "resources": {"limits": {"memory": limit}}} for name, limit in limits.items()
    ]
    return {"metadata": {"name": "api-1"}, "spec": {"containers": containers}}


def test_the_samples_of_a_kill_and_its_limit_are_judged(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("a", memory=BURST), oomkill("b", pod_name="api-2", memory=BURST))
    ran = oom("leak", "--pod", "api-1")
    assert part(ran.out, "Verdict") == "Spike"
    assert part(ran.out, "Limit") == "512Mi"
    assert part(ran.out, "Samples").endswith(
        "pod api-1, container app: what was read before its last kill"
    )


def test_a_limit_that_is_not_the_containers_is_not_used(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("a", memory=BURST, cause="NodeOutOfMemory", limit="64Gi"))
    assert part(oom("leak", "--pod", "api-1").out, "Limit") == "not known"


def test_a_pod_with_kills_in_several_containers_needs_a_name(oom: CommandLine) -> None:
    other = {"name": "proxy", "type": "Sidecar"}
    oom.cluster.add(oomkill("a", memory=BURST), oomkill("b", memory=BURST, container=other))
    ran = oom("leak", "--pod", "api-1")
    assert (ran.code, ran.out) == (2, "")
    assert "name one with -c: app, proxy" in ran.err
    assert part(oom("leak", "--pod", "api-1", "-c", "proxy").out, "Verdict") == "Spike"


def test_damaged_samples_are_left_out_and_none_are_explained(oom: CommandLine) -> None:
    odd = {"samples": [{"at": "yesterday", "usage": "1Mi"}, 7, {"at": stamp(0)}], "at": 5}
    oom.cluster.add(oomkill("a", memory=odd), oomkill("b", memory="much"))
    ran = oom("leak", "--pod", "api-1")
    assert ran.code == 1
    assert "has samples; watch it live: kubectl oom leak -n shop --pod api-1 --for 4h" in ran.err


def test_a_pod_is_watched_live_with_the_limit_of_its_spec(
    oom: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def advance() -> None:
        oom.cluster.objects[METRICS] = metrics("300Mi", clock.sleeps * 15)

    clock = Clock(then=advance)
    monkeypatch.setattr(usage_sources, "time", clock)
    oom.cluster.objects |= {METRICS: metrics("300Mi", 0), POD: pod(app="512Mi")}
    ran = oom("leak", "--pod", "api-1", "--for", "5m")
    assert part(ran.out, "Verdict") == "Steady"
    assert part(ran.out, "Limit") == "512Mi"
    assert "working set, from metrics.k8s.io" in part(ran.out, "Samples")


def test_a_pod_that_ends_gives_the_verdict_so_far(
    oom: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def advance() -> None:
        if clock.sleeps == 3:
            del oom.cluster.objects[METRICS]

    clock = Clock(then=advance)
    monkeypatch.setattr(usage_sources, "time", clock)
    oom.cluster.objects |= {METRICS: metrics("300Mi", 0), POD: pod(app="512Mi")}
    ran = oom("leak", "--pod", "api-1", "--for", "5m")
    assert ran.code == 0
    assert part(ran.out, "Note") == "the pod has ended"


def test_without_the_right_to_see_pods_the_container_has_to_be_named(
    oom: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_sources, "time", Clock())
    oom.cluster.objects[METRICS] = metrics("300Mi", 0)
    oom.cluster.forbid(POD)
    refused = oom("leak", "--pod", "api-1", "--for", "1m")
    assert (refused.code, refused.out) == (1, "")
    assert "you may not get pods" in refused.err
    named = oom("leak", "--pod", "api-1", "-c", "app", "--for", "1m")
    assert part(named.out, "Limit") == "not known"


@pytest.mark.parametrize(
    ("container", "sentence"),
    [((), "several containers: name one with -c: app, proxy"), (("-c", "x"), "no container x")],
)
def test_the_container_of_a_live_pod_has_to_be_clear(
    oom: CommandLine, container: tuple[str, ...], sentence: str
) -> None:
    oom.cluster.objects |= {METRICS: metrics("1Mi", 0), POD: pod(app="1Gi", proxy="1Gi")}
    ran = oom("leak", "--pod", "api-1", "--for", "1m", *container)
    assert ran.code == 2
    assert sentence in ran.err


def test_a_cluster_without_metrics_is_explained(oom: CommandLine) -> None:
    oom.cluster.objects[POD] = pod(app="1Gi")
    ran = oom("leak", "--pod", "api-1", "--for", "1m")
    assert ran.code == 1
    assert "metrics-server" in ran.err
