from types import SimpleNamespace
from typing import Any, cast

from bench.recall.judge import Report
from bench.recall.kernel_log import KernelLog
from bench.recall.pods import Pods, ended
from bench.recall.reporters import AT_ONCE, Metric, Records, Statuses
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


def test_every_ended_container_of_a_status_is_told_with_its_reason() -> None:
    over = {"terminated": {"containerID": f"containerd://{A}", "reason": "Error"}}
    status = {
        "containerStatuses": [{"state": {"running": {}}, "lastState": over}],
        "initContainerStatuses": [{"state": {"waiting": {}}}],
    }
    assert list(ended(status)) == [(A, "Error")]


def test_a_container_is_named_by_its_id_while_it_runs_and_after() -> None:
    pods = Pods()
    running = {"name": "app", "containerID": f"containerd://{A}", "state": {"running": {}}}
    before = {"terminated": {"containerID": f"containerd://{B}"}}
    described = pod()
    described["status"] = {"containerStatuses": [running | {"lastState": before}]}
    pods.take(described)
    assert pods.place(Place(UID, A)) == pods.place(Place(UID, B)) == Place(UID, "app")
    assert pods.place(Place(UID, "c" * 64)) == Place(UID, "c" * 64)


def test_a_reports_container_is_its_name_and_a_name_of_another_containers_id_is_nobodys() -> None:
    pods = Pods()
    pods.take(pod(("app", A, "Error"), ("side", B, "Error")))
    said = [
        Report(UID, A, 0.0),
        Report(UID, A, 0.0, name="app"),
        Report(UID, None, 0.0, name="app"),
        Report(UID, B, 0.0, name="app"),
        Report(UID, None, 0.0),
    ]
    names = [pods.named(report).container for report in said]
    assert names == ["app", "app", "app", "app, not side", None]


def test_a_status_is_told_once_and_its_last_word_is_kept() -> None:
    statuses = Statuses(world(), "one", print)
    statuses.take(pod(("app", A, "Error")), 1.0)
    statuses.take(pod(("app", A, "OOMKilled")), 2.0)
    statuses.take(pod(("app", A, "OOMKilled")), 3.0)
    statuses.take(pod(("app", A, "Error")), 4.0)
    assert statuses.reports == [Report(UID, A, 2.0)]
    assert statuses.last == {A: "Error"}


def test_what_another_node_tells_is_not_this_ones() -> None:
    statuses, records = Statuses(world(), "one", print), Records(world(), "one", print)
    statuses.take(pod(("app", A, "OOMKilled"), node="two"), 1.0)
    records.take(kill(1, node="two"), 1.0)
    assert (statuses.reports, records.reports) == ([], [])


def test_a_record_is_taken_once_and_those_beyond_the_budget_are_held() -> None:
    records = Records(world(), "one", print)
    for number in range(AT_ONCE + 1):
        records.take(kill(number, id=A, name="app"), float(number))
    records.take(kill(0, id=A, name="app"), 9.0)
    assert [report.merged for report in records.reports] == [False] * AT_ONCE + [True]
    assert records.reports[0] == Report(UID, A, 0.0, name="app")


def series(path: str, value: int) -> str:
    return f'container_oom_events_total{{container="",id="{path}",pod=""}} {value} 1700000000000\n'


def test_the_metric_is_told_by_its_rises_of_containers_and_of_pods() -> None:
    metric = Metric(world(), "one", print)
    scope = f"{POD_PATH}/cri-containerd-{A}.scope"
    metric.take(f"# TYPE x counter\n{series(scope, 1)}{series('/', 9)}", 1.0)
    metric.take(series(scope, 3) + series(POD_PATH, 1), 2.0)
    twice = [Report(UID, A, 2.0)] * 2
    assert metric.reports == [Report(UID, A, 1.0), *twice, Report(UID, None, 2.0)]


def record(number: int, text: str, priority: int = 6) -> str:
    return f"{priority},{number},1000000,-;{text}"


def test_the_log_is_read_on_after_an_overrun_and_what_was_overwritten_is_told() -> None:
    troubles: list[str] = []
    log = KernelLog(world(), troubles.append)
    chosen = f"oom-kill:constraint=X,task_memcg={POD_PATH}/cri-containerd-{A}.scope,task=hog"
    for number in (4, 5):
        log.take(record(number, "hello"), 1.0)
    log.take(record(6, "a mark of user space", priority=12), 1.0)
    log.take(record(5, "hello"), 2.0)
    log.take(record(9, chosen), 3.0)
    assert [line.number for line in log.lines] == [4, 5, 9]
    assert log.reports == [Report(UID, A, 3.0)]
    assert troubles == ["2 records of the kernel log were overwritten"]
