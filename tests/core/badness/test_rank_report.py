from oomwarden.core.badness.badness import ProcessMemoryUse
from oomwarden.core.badness.machine_reading import (
    CgroupMemory,
    MachineReading,
    MachineTotals,
    RankedContainer,
)
from oomwarden.core.badness.rank_report import MAX_OF_CONTAINER, MAX_OF_NODE, RankReport
from oomwarden.core.badness.ranking import Candidate
from oomwarden.core.badness.score_origin import ScoreFacts

PAGE, MIB, GIB = 4096, 1 << 20, 1 << 30
MACHINE = MachineTotals(4 * GIB, 0, GIB, 60, PAGE)


def container(
    name: str = "app", memory: CgroupMemory | None = None, pod: str = "db-0"
) -> RankedContainer:
    sandbox = name == "pause"
    limited = memory or CgroupMemory(512 * MIB, 0, 256 * MIB, is_group_kill=True)
    return RankedContainer("shop", pod, name, f"kubepods/{pod}", limited,
                           ScoreFacts(980, qos="Burstable", is_sandbox=sandbox))  # fmt: skip


def process(
    pid: int, container: int | None, size: int = MIB, adj: int = 980, unit: str = ""
) -> Candidate:
    return Candidate(pid, "sh", ProcessMemoryUse(size // PAGE, 0, PAGE), adj, container, unit)


def reading(
    *candidates: Candidate,
    containers: list[RankedContainer],
    pods: dict[str, CgroupMemory] | None = None,
) -> RankReport:
    return RankReport(
        MachineReading("n", "now", MACHINE, candidates, 0, containers, pods or {}, is_nested=False)
    )


def test_a_node_shows_all_processes_and_the_first_of_each_container() -> None:
    report = reading(
        process(1, 0), process(2, 0, 64 * MIB), process(3, None, GIB, 0, "kubelet.service"),
        containers=[container(), container("pause")],
    ).of_node()  # fmt: skip
    machine, app = report["domains"]
    assert [each["pid"] for each in machine["ranking"]] == [2, 1, 3]
    assert (machine["level"], machine["processes"], machine["neverKilled"]) == ("Node", 3, 0)
    assert machine["ranking"][2]["unit"] == "kubelet.service"
    assert machine["ranking"][2]["setBy"] == {"by": "Default"}
    assert [each["pid"] for each in app["ranking"]] == [2]
    assert (app["container"], app["limitBytes"], app["groupKill"]) == ("app", 512 * MIB, True)


def test_the_arithmetic_of_a_process_is_in_thousandths_of_its_domain() -> None:
    report = reading(process(2, 0, 64 * MIB), containers=[container()])
    (inside,) = (each for each in report.of_node()["domains"] if each["level"] == "Container")
    (one,) = inside["ranking"]
    assert (one["memoryThousandths"], one["thousandths"]) == (125.0, 1105.0)
    total = 512 * MIB // PAGE
    assert one["points"] == 64 * MIB // PAGE + 1 + 980 * (total // 1000)
    assert one["residentBytes"] == 64 * MIB
    assert one["pageTableBytes"] == PAGE
    assert one["setBy"] == {"by": "Kubelet", "detail": "Burstable"}


def test_group_kill_takes_all_processes_of_the_container_that_can_die() -> None:
    single = CgroupMemory(None, None, None, is_group_kill=False)
    report = reading(
        process(1, 0), process(2, 0), process(3, 0, adj=-1000), process(4, 1), process(5, 1),
        containers=[container(), container("two", single)],
    ).of_node()  # fmt: skip
    killed = {each["pid"]: each.get("processesKilled") for each in report["domains"][0]["ranking"]}
    assert killed == {1: 2, 2: 2, 3: None, 4: 1, 5: 1}


def test_a_pod_shows_its_containers_and_their_place_on_the_node() -> None:
    report = reading(
        process(1, 0), process(9, 1, GIB), process(2, 2, adj=-998), process(7, 0, adj=-1000),
        containers=[container(), container(pod="other"), container("pause")],
    ).of_pod("shop", "db-0")  # fmt: skip
    assert report is not None
    machine, app = report["domains"]
    assert [(each["pid"], each.get("rank")) for each in machine["ranking"]] == [
        (1, 2), (2, 3), (7, None),
    ]  # fmt: skip
    assert [(each["pid"], each.get("nodeRank")) for each in app["ranking"]] == [(1, 2), (7, None)]


def test_an_unknown_pod_has_no_report() -> None:
    assert reading(containers=[container()]).of_pod("shop", "api-0") is None


def test_a_pod_s_own_limit_is_a_domain_of_its_own() -> None:
    memory = CgroupMemory(600 * MIB, 0, 300 * MIB)
    both = [container(), container("two")]
    report = reading(
        process(1, 0), process(2, 1, 64 * MIB), containers=both, pods={"kubepods/db-0": memory}
    ).of_pod("shop", "db-0")
    assert report is not None
    levels = [each["level"] for each in report["domains"]]
    assert levels == ["Node", "Pod", "Container", "Container"]
    assert [each["pid"] for each in report["domains"][1]["ranking"]] == [2, 1]
    assert report["domains"][1]["totalPages"] == 600 * MIB // PAGE


def test_the_pod_s_limit_is_left_out_where_it_is_that_of_its_only_container() -> None:
    memory = CgroupMemory(512 * MIB, 0, None)
    report = reading(process(1, 0), containers=[container()], pods={"kubepods/db-0": memory})
    found = report.of_pod("shop", "db-0")
    assert found is not None
    assert [each["level"] for each in found["domains"]] == ["Node", "Container"]


def test_a_container_without_a_limit_is_ranked_in_the_machine_s_memory() -> None:
    open_ = CgroupMemory(None, None, 1, is_group_kill=False)
    found = reading(process(1, 0), containers=[container("app", open_)]).of_pod("shop", "db-0")
    assert found is not None
    app = found["domains"][1]
    assert "limitBytes" not in app
    assert app["totalPages"] == 4 * GIB // PAGE


def test_an_answer_is_bounded() -> None:
    many = [process(pid, 0) for pid in range(1, 301)]
    report = reading(*many, containers=[container()])
    assert len(report.of_node()["domains"][0]["ranking"]) == MAX_OF_NODE
    found = report.of_pod("shop", "db-0")
    assert found is not None
    assert [len(each["ranking"]) for each in found["domains"]] == [MAX_OF_NODE, MAX_OF_CONTAINER]
    assert found["domains"][1]["processes"] == 300


def test_a_container_that_is_gone_is_left_out() -> None:
    gone = RankedContainer("shop", "db-0", "app", "kubepods/db-0", None, ScoreFacts())
    found = reading(containers=[gone]).of_pod("shop", "db-0")
    assert found is not None
    assert [each["level"] for each in found["domains"]] == ["Node"]
