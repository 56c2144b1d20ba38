"""An agent without a permission reports it, does what it still can, and does not crash-loop.

`kubectl oom doctor` and `nodes` name what is wrong at that moment, and nothing before.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oomwarden.core.diagnosis.node_view import read_node
from oomwarden.core.diagnosis.promises import promises_of
from oomwarden.core.reporting.node_memory import MODES

from e2e.conditions import conditions
from e2e.plugin import plugin_of_admin
from e2e.workloads import hog, pod
from e2e.world import NAMESPACE, Release, World, eventually

pytestmark = pytest.mark.xdist_group("degraded")

TEMPLATE = Path("templates", "agent", "daemonset.yaml")
_FORGET_OWN_KILLS = """python3 -c 'import os, sqlite3
store = sqlite3.connect(os.environ["OOMWARDEN_STATE_DIR"] + "/oomwarden.sqlite", timeout=20)
with store:
    store.execute("DELETE FROM meta WHERE key = ?", ["agent-kills"])
'"""


@pytest.fixture(scope="module", autouse=True)
def restore_agents(world: World, release: Release) -> Iterator[None]:
    """Reinstall the chart after the last story, and wait until the agents report no failure."""
    node = release.agents()[0].spec.node_name
    yield
    release.install()
    eventually(lambda: not failing_conditions(world, node))


@pytest.fixture
def own_kills_forgotten(world: World, release: Release) -> Iterator[None]:
    """Remove the agent's kills from its store afterwards: it reports them for an hour.

    Other stories expect a healthy node.
    """
    node = release.agents()[0].spec.node_name
    yield

    def healthy() -> bool:
        """The agents forget that they were killed."""
        for agent in release.agents():
            world.run_in_container(NAMESPACE, agent.metadata.name, "agent", _FORGET_OWN_KILLS)
        return not failing_conditions(world, node)

    release.install()
    eventually(healthy, every=5)


def change_agent(release: Release, tmp_path: Path, old: str, new: str) -> None:
    """Install a copy of the chart with one line of the DaemonSet changed."""
    copy = tmp_path / "oomwarden"
    shutil.copytree(release.chart, copy)
    text = (copy / TEMPLATE).read_text()
    assert old in text
    (copy / TEMPLATE).write_text(text.replace(old, new))
    release.install(chart=copy)


def failing_conditions(world: World, node: str) -> dict[str, str]:
    """Return the agent's conditions that are False, with their messages.

    Features that are off by choice are left out.
    """
    return {
        kind: each["message"]
        for kind, each in conditions(world.node_report(node)).items()
        if each["status"] == "False" and each["reason"] != "Off"
    }


def results(world: World, folder: Path) -> dict[str, list[str]]:
    """Return the messages of `kubectl oom doctor` by result; it exits with 1 if a check fails."""
    answer = plugin_of_admin(world, folder).oom("doctor", "-o", "json")
    assert answer.out, answer.err
    found: dict[str, list[str]] = {"ok": [], "warn": [], "fail": [], "skip": []}
    for each in json.loads(answer.out)["checks"]:
        found[each["result"]].append(f"{each['name']}: {each['message']} -> {each['remedy']}")
    assert answer.code == bool(found["fail"])
    return found


def meminfo(world: World, release: Release) -> dict[str, int]:
    """Read the node's /proc/meminfo, in bytes, and vm.overcommit_memory."""
    name, read = release.agents()[0].metadata.name, "print(open('/proc/{}').read().strip())"
    program = f"{read.format('meminfo')};{read.format('sys/vm/overcommit_memory')}"
    where = ("-n", NAMESPACE, "exec", name, "--", "python", "-c", program)
    *lines, mode = world.cluster.kubectl(*where).strip().splitlines()
    pairs = (line.split() for line in lines if ":" in line)
    found = {key.rstrip(":"): int(number) * 1024 for key, number, *_ in pairs}
    return found | {"mode": int(mode)}


def test_of_a_healthy_node_doctor_has_no_complaint_and_nodes_shows_its_memory(
    world: World, release: Release, tmp_path: Path
) -> None:
    node = release.agents()[0].spec.node_name

    def healthy() -> dict[str, list[str]]:
        """The agent is ready, and no check fails: an earlier story may have cut the node off."""
        found = results(world, tmp_path)
        ready = any(f"{node}: agent ready" in each for each in found["ok"])
        ready |= any("AgentMemory" in each for each in found["warn"])
        return found if ready and not found["fail"] else {}

    found = eventually(healthy)
    assert found["skip"] == []
    good = "".join(found["ok"])
    for check in ("API server", "CRDs", "Admission policies", "Operator", "Mode", "Version"):
        assert f"{check}: " in good

    shown = json.loads(plugin_of_admin(world, tmp_path).oom("nodes", node, "-o", "json").out)
    memory, kernel = read_node(shown), meminfo(world, release)
    assert memory.sizes["total"] == kernel["MemTotal"]
    assert memory.sizes["swapTotal"] == kernel["SwapTotal"]
    assert memory.sizes["commitLimit"] == kernel["CommitLimit"]
    assert abs(memory.sizes["available"] - kernel["MemAvailable"]) < kernel["MemTotal"] / 4
    assert memory.mode == MODES[kernel["mode"]]
    assert not promises_of(memory).differs
    row = plugin_of_admin(world, tmp_path).oom("nodes", "--no-headers").out
    assert "<unknown>" not in row.replace("<unknown>", "", 1)  # near misses


def test_without_access_to_the_kernel_log_kills_are_recorded_without_victims(
    world: World, release: Release, namespace: str, tmp_path: Path
) -> None:
    node = release.agents()[0].spec.node_name
    change_agent(release, tmp_path, "DAC_OVERRIDE, SYSLOG]", "DAC_OVERRIDE]")
    conditions_seen = eventually(
        lambda: found if "Capabilities" in (found := failing_conditions(world, node)) else {}
    )
    assert "SYSLOG" in conditions_seen["Capabilities"]
    world.apply(pod(namespace, "greedy", hog(world.cluster.busybox_image)))
    (kill,) = eventually(lambda: world.kills(namespace), 90)
    assert (kill["container"]["name"], kill["cause"]) == ("app", "ContainerLimit")
    assert "victims" not in kill
    assert kill["evidence"]["sources"] == ["Counters"]
    conditions_seen = eventually(
        lambda: found if "KernelLog" in (found := failing_conditions(world, node)) else {}
    )
    assert "SYSLOG" in conditions_seen["KernelLog"]


def test_without_cgroup_v2_the_agent_reports_the_remedy_and_keeps_running(
    world: World, release: Release, tmp_path: Path
) -> None:
    node = release.agents()[0].spec.node_name
    change_agent(release, tmp_path, "value: /host/sys/fs/cgroup}", "value: /proc}")
    conditions_seen = eventually(
        lambda: found if "CgroupV2" in (found := failing_conditions(world, node)) else {}
    )
    assert "systemd.unified_cgroup_hierarchy=1" in conditions_seen["CgroupV2"]
    assert "Ready" in conditions_seen
    (broken,) = (each for each in results(world, tmp_path)["fail"] if "CgroupV2" in each)
    assert broken.startswith(f"{node}: CgroupV2 is False (NotFound) -> ")
    assert "systemd.unified_cgroup_hierarchy=1" in broken
    agents = [agent.status.container_statuses[0] for agent in release.agents()]
    assert {status.restart_count for status in agents} == {0}


@pytest.mark.usefixtures("own_kills_forgotten")
def test_an_agent_that_is_oom_killed_while_it_starts_is_recorded_by_its_successor(
    world: World, release: Release, tmp_path: Path
) -> None:
    node = release.agents()[0].spec.node_name
    before = world.node_report(node)["status"]["kills"].get("unattributed", 0)
    world.cluster.kubectl(
        "set", "resources", "daemonset/oomwarden-agent", "-n", NAMESPACE, "--limits=memory=16Mi",
        "--requests=memory=16Mi",
    )  # fmt: skip

    def restarted_agents() -> list[str]:
        """An agent was restarted because its limit is too low."""
        found = release.agents()
        return [a.metadata.name for a in found if (a.status.container_statuses or [None])[0]
                and a.status.container_statuses[0].restart_count >= 2]  # fmt: skip

    (name,) = eventually(restarted_agents, 120)
    stopped = "".join(results(world, tmp_path)["fail"])
    assert f"{node}: its agent {name} is not ready: " in stopped
    release.install()

    def two_kills() -> list[dict[str, Any]]:
        """Two kills are recorded, in one record or in two."""
        found = world.kills(NAMESPACE, name)
        return found if sum(kill["kills"] for kill in found) >= 2 else []

    kills = eventually(two_kills, 120)
    assert {kill["container"]["name"] for kill in kills} == {"agent"}
    assert {kill["pod"]["owner"]["kind"] for kill in kills} == {"DaemonSet"}
    notes = {event["note"] for event in eventually(lambda: world.oom_events(NAMESPACE, name))}
    assert all("agent.resources.limits.memory" in note for note in notes)

    def memory_condition() -> str:
        """The AgentMemory condition reports kills at this limit."""
        message = conditions(world.node_report(node))["AgentMemory"]["message"]
        return message if "16Mi" in message else ""

    assert "agent.resources.limits.memory" in eventually(memory_condition)
    assert world.node_report(node)["status"]["kills"].get("unattributed", 0) == before
