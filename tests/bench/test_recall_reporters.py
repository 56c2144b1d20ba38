from types import SimpleNamespace
from typing import Any, cast

from bench.recall.judge import Report
from bench.recall.kernel_log import KernelLog
from bench.recall.pods import Pods, terminations
from bench.recall.reporters import UNDELAYED_RECORDS, Metric, Records, Statuses
from bench.recall.truth import Place
from e2e.world import World

UID = "0a1b2c3d-1111-2222-3333-444455556666"
POD_PATH = f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice"
A, B = "a" * 64, "b" * 64


def world() -> World:
    functions = SimpleNamespace(
        list_cluster_custom_object=None, list_pod_for_all_namespaces=None, programs={"kubectl": ""}
    )
    cluster = SimpleNamespace(programs={"kubectl": ""}, environment=dict)
    return cast("World", SimpleNamespace(cluster=cluster, core=functions, custom=functions))


def pod(*ends: tuple[str, str, str], node: str = "one") -> dict[str, Any]:
    statuses = [
        {"name": name, "state": {"terminated": {"containerID": f"cri://{of}", "reason": reason}}}
        for name, of, reason in ends
    ]
    return {
        "metadata": {"uid": UID, "namespace": "space"},
        "spec": {"nodeName": node, "containers": [{"name": name} for name, *_ in ends]},
        "status": {"containerStatuses": statuses},
    }


def kill(number: int, node: str = "one", **container: str) -> dict[str, Any]:
    return {
        "metadata": {"uid": str(number)}, "node": node, "pod": {"uid": UID}, "kills": 1,
        "container": container, "cause": "ContainerLimit",
    }  # fmt: skip


def test_every_terminated_container_of_a_status_is_found_with_its_reason() -> None:
    over = {"terminated": {"containerID": f"containerd://{A}", "reason": "Error"}}
    status = {
        "containerStatuses": [{"state": {"running": {}}, "lastState": over}],
        "initContainerStatuses": [{"state": {"waiting": {}}}],
    }
    assert list(terminations(status)) == [(A, "Error")]


def test_a_container_id_is_known_while_it_runs_and_afterwards() -> None:
    pods = Pods()
    running = {"name": "app", "containerID": f"containerd://{A}", "state": {"running": {}}}
    before = {"terminated": {"containerID": f"containerd://{B}"}}
    described = pod()
    described["status"] = {"containerStatuses": [running | {"lastState": before}]}
    pods.update(described)
    assert pods.place(Place(UID, A)) == pods.place(Place(UID, B)) == Place(UID, "app")
    assert pods.place(Place(UID, "c" * 64)) == Place(UID, "c" * 64)


def test_a_report_gets_the_containers_name_and_a_contradicting_one_matches_nothing() -> None:
    pods = Pods()
    pods.update(pod(("app", A, "Error"), ("side", B, "Error")))
    reports = [
        Report(UID, A, 0.0),
        Report(UID, A, 0.0, name="app"),
        Report(UID, None, 0.0, name="app"),
        Report(UID, B, 0.0, name="app"),
        Report(UID, None, 0.0),
    ]
    names = [pods.with_name(report).container for report in reports]
    assert names == ["app", "app", "app", "app, not side", None]


def test_a_status_is_reported_once_and_its_last_reason_is_kept() -> None:
    statuses = Statuses(world(), "one", print)
    statuses.update(pod(("app", A, "Error")), 1.0)
    statuses.update(pod(("app", A, "OOMKilled")), 2.0)
    statuses.update(pod(("app", A, "OOMKilled")), 3.0)
    statuses.update(pod(("app", A, "Error")), 4.0)
    assert statuses.reports == [Report(UID, A, 2.0)]
    assert statuses.last == {A: "Error"}


def test_reports_of_another_node_are_ignored() -> None:
    statuses, records = Statuses(world(), "one", print), Records(world(), "one", print)
    statuses.update(pod(("app", A, "OOMKilled"), node="two"), 1.0)
    records.add(kill(1, node="two"), 1.0)
    assert (statuses.reports, records.reports) == ([], [])


def test_a_record_counts_once_and_those_beyond_the_budget_are_deferred() -> None:
    records = Records(world(), "one", print)
    for number in range(UNDELAYED_RECORDS + 1):
        records.add(kill(number, id=A, name="app"), float(number))
    records.add(kill(0, id=A, name="app"), 9.0)
    assert [report.merged for report in records.reports] == [False] * UNDELAYED_RECORDS + [True]
    assert records.reports[0] == Report(UID, A, 0.0, name="app")


def series(path: str, value: int) -> str:
    return f'container_oom_events_total{{container="",id="{path}",pod=""}} {value} 1700000000000\n'


def test_increases_of_the_metric_are_reports_about_containers_and_pods() -> None:
    metric = Metric(world(), "one", print)
    scope = f"{POD_PATH}/cri-containerd-{A}.scope"
    metric.add_sample(f"# TYPE x counter\n{series(scope, 1)}{series('/', 9)}", 1.0)
    metric.add_sample(series(scope, 3) + series(POD_PATH, 1), 2.0)
    twice = [Report(UID, A, 2.0)] * 2
    assert metric.reports == [Report(UID, A, 1.0), *twice, Report(UID, None, 2.0)]


def record(number: int, text: str, priority: int = 6) -> str:
    return f"{priority},{number},1000000,-;{text}"


def test_the_log_is_followed_after_an_overrun_and_overwritten_records_are_counted() -> None:
    troubles: list[str] = []
    log = KernelLog(world(), troubles.append)
    chosen = f"oom-kill:constraint=X,task_memcg={POD_PATH}/cri-containerd-{A}.scope,task=hog"
    for number in (4, 5):
        log.add_record(record(number, "hello"), 1.0)
    log.add_record(record(6, "a mark of user space", priority=12), 1.0)
    log.add_record(record(5, "hello"), 2.0)
    log.add_record(record(9, chosen), 3.0)
    assert [line.number for line in log.lines] == [4, 5, 9]
    assert log.reports == [Report(UID, A, 3.0)]
    assert troubles == ["2 records of the kernel log were overwritten"]
