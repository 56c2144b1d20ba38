"""Before an uninstall every agent restores its node; silent nodes are named, not awaited."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from oomwarden.controller.main import main, parse
from oomwarden.controller.release import NodeState, progress, release, state_of, summary
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.kube.http.failures import ConnectError
from oomwarden.kube.operator_calls import OperatorCalls

from tests.support.fake_api import FakeApi, body
from tests.support.logging_state import restored_logging

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
BEFORE, AFTER = "2026-11-23T11:59:59Z", "2026-11-23T12:00:01Z"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_node_that_reports_nothing_applied_after_the_release_is_restored() -> None:
    assert progress([NodeState("a", AFTER, 0)], NOW, at(2)).awaited == ()


def test_a_zero_from_before_the_release_counts_once_the_agent_would_have_written_again() -> None:
    state = NodeState("a", BEFORE, 0)
    assert progress([state], NOW, at(14)).awaited == (state,)
    assert progress([state], NOW, at(15)).awaited == ()


def test_a_node_with_changed_scores_is_awaited() -> None:
    state = NodeState("a", AFTER, 3)
    assert progress([state], NOW, at(30)).awaited == (state,)


def test_a_silent_node_is_named_and_not_awaited() -> None:
    state = NodeState("a", "2026-11-23T11:40:00Z", 3)
    last = progress([state], NOW, at(1))
    assert (last.awaited, last.silent) == ((), (state,))
    assert "a (containers: 3)" in summary(last)
    assert "stays: scores and memory.oom.group until containers restart" in summary(last)


def test_a_silent_node_that_had_nothing_applied_is_not_mentioned() -> None:
    last = progress([NodeState("a", "2026-11-23T11:40:00Z", 0)], NOW, at(20))
    assert summary(last) == "Every agent has restored what it changed."


def oomnode(name: str, containers: int, heartbeat: str) -> dict[str, Any]:
    agent = {"version": "1", "storeID": "s", "started": BEFORE, "heartbeat": heartbeat}
    kernel = {"release": "6.1", "bootID": "b", "cgroupDriver": "systemd"}
    applied = {"containers": containers, "processes": containers * 2}
    status = {"agent": agent, "kernel": kernel, "applied": applied}
    return {"metadata": {"name": name}, "status": status}


def test_an_unreadable_oomnode_is_reported_as_unknown() -> None:
    assert state_of(oomnode("a", 2, AFTER)) == NodeState("a", AFTER, 2)
    assert state_of({"metadata": {"name": "a"}}) is None
    broken = state_of({"metadata": {"name": "a"}, "status": {"agent": 1}})
    assert broken == NodeState("a", "", None)
    assert "a (containers: unknown)" in summary(progress([broken], NOW, NOW))


class FakeCluster:
    """Returns one list after the other; sleeping moves its clock."""

    def __init__(self, *answers: list[dict[str, Any]] | Exception) -> None:
        self.answers = list(answers)
        self.modes: list[str] = []
        self.time = NOW

    async def set_mode(self, mode: EnforcementMode) -> None:
        self.modes.append(str(mode))

    async def remove(self) -> None:
        self.modes.append("removed")

    async def list_nodes(self) -> list[dict[str, Any]]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


async def released(cluster: FakeCluster, seconds: float = 60) -> str:
    wait = timedelta(seconds=seconds)
    return summary(await release(cluster, cluster, wait, cluster.now, cluster.sleep))


async def test_the_mode_is_written_and_all_agents_are_awaited() -> None:
    cluster = FakeCluster([oomnode("a", 1, BEFORE)], [oomnode("a", 0, AFTER)])
    assert await released(cluster) == "Every agent has restored what it changed."
    assert cluster.time == at(1)


async def test_the_configmap_is_deleted_once_all_nodes_are_restored() -> None:
    cluster = FakeCluster([oomnode("a", 1, BEFORE)], [oomnode("a", 0, AFTER)])
    await released(cluster)
    assert cluster.modes == ["Release", "removed"]


@pytest.mark.parametrize(
    "answers",
    [[[oomnode("a", 1, AFTER)]], [[oomnode("silent", 2, "2026-11-23T11:40:00Z")]],
     [ConnectError("refused")]],
    ids=["one has not", "one is silent", "unknown"],
)  # fmt: skip
async def test_the_mode_stays_at_release_while_a_node_may_not_be_restored(
    answers: list[list[dict[str, Any]] | Exception],
) -> None:
    cluster = FakeCluster(*answers)
    message = await released(cluster)
    assert cluster.modes == ["Release"]
    assert "ConfigMap oomwarden-control stays at mode Release; set it to Enforce" in message


async def test_the_wait_ends_and_names_the_nodes_that_are_left() -> None:
    cluster = FakeCluster([oomnode("a", 1, AFTER), oomnode("b", 0, AFTER)])
    assert (await released(cluster)).startswith("Not restored on a (containers: 1): ")
    assert cluster.time == at(60)


async def test_an_unavailable_api_server_is_retried() -> None:
    cluster = FakeCluster(ConnectError("refused"), [oomnode("a", 0, AFTER)])
    assert await released(cluster) == "Every agent has restored what it changed."


async def test_without_a_list_of_nodes_no_success_is_claimed() -> None:
    cluster = FakeCluster(ConnectError("refused"))
    assert "No OOMNode could be read" in await released(cluster)


def test_a_mode_that_cannot_be_written_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with restored_logging():
        assert main(["release", "--namespace", "oomwarden"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "Z ERROR oomwarden.controller.main: Nothing was restored" in line
    assert "helm uninstall --no-hooks" in line


def test_release_without_a_namespace_names_the_missing_argument(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("POD_NAMESPACE", raising=False)
    with pytest.raises(SystemExit):
        parse(["release"])
    assert "--namespace" in capsys.readouterr().err


def test_an_unknown_log_level_is_refused_with_the_valid_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(["run", "--log-level", "loud"])
    assert "'LOUD': use one of DEBUG, INFO" in capsys.readouterr().err
    assert parse(["--namespace", "n", "--log-level", "debug"]).log_level == "DEBUG"


def test_an_unknown_log_format_is_refused_with_the_valid_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OOMWARDEN_LOG_FORMAT", "logfmt")
    with pytest.raises(SystemExit):
        parse(["run", "--namespace", "n"])
    assert "--log-format is 'logfmt': use json or text" in capsys.readouterr().err


def test_what_agents_may_no_longer_restore_is_named_and_not_awaited() -> None:
    node = oomnode("a", 0, AFTER)
    node["status"]["conditions"] = [
        {
            "type": "CgroupWrites",
            "status": "False",
            "reason": "LeftChanged",
            "lastTransitionTime": AFTER,
        }
    ]
    state = state_of(node)
    assert state == NodeState("a", AFTER, 0, groups_left=True)
    last = progress([state], NOW, at(2))
    assert last.awaited == ()
    assert "On a memory.oom.group keeps" in summary(last)
    assert "agent.cgroupWrites" in summary(last)


async def test_an_agent_that_may_no_longer_write_to_cgroups_is_recognized_in_the_list() -> None:
    node = oomnode("a", 0, AFTER)
    left = {"type": "CgroupWrites", "status": "False", "reason": "LeftChanged",
            "message": "m", "lastTransitionTime": AFTER}  # fmt: skip
    node["status"]["conditions"] = [left, left | {"reason": "On", "message": "x" * 9999}]
    items = [node, {"metadata": {"name": "odd"}, "status": {"agent": 5}}]
    api = FakeApi([body({"metadata": {"resourceVersion": "7"}, "items": items})])
    async with api.client() as client:
        states = [state_of(each) for each in await OperatorCalls(client).list_nodes()]
    assert states == [NodeState("a", AFTER, 0, groups_left=True), NodeState("odd", "", None)]


async def test_the_heartbeat_of_a_node_with_a_wrong_clock_is_by_the_api_servers() -> None:
    node = oomnode("a", 0, "2031-01-01T00:00:00Z")
    node["metadata"]["managedFields"] = [{"subresource": "status", "time": AFTER}]
    api = FakeApi([body({"metadata": {"resourceVersion": "7"}, "items": [node]})])
    async with api.client() as client:
        (found,) = await OperatorCalls(client).list_nodes()
    assert found["status"]["agent"]["heartbeat"] == datetime.fromisoformat(AFTER).isoformat()
