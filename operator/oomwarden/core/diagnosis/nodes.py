"""Whether each node's agent runs, reports, and can do its work."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from oomwarden.core.diagnosis.check import Check, Group, Result
from oomwarden.core.diagnosis.installation import OLDEST_MINOR, minor_version
from oomwarden.core.diagnosis.node_health import SILENT_SECONDS, failing_conditions
from oomwarden.core.diagnosis.node_view import NodeView
from oomwarden.core.diagnosis.pods import is_ready, why_not_ready
from oomwarden.core.diagnosis.scheduling import why_excluded
from oomwarden.core.history.kill_record import text_at
from oomwarden.core.objects.json_parts import Json, object_at, object_labels, object_name

_BLOCKING = {
    "Ready", "Kernel", "CgroupV2", "Capabilities", "CgroupsReadable", "Layout", "Store", "Delivery",
}  # fmt: skip
"""Conditions without which kills are missed, lost, or not acted upon; the others degrade."""


class Fleet(Struct, frozen=True):
    """What is known of all nodes; None: the user may not read it.

    Attributes:
        nodes: The Nodes by name.
        agents: The agents' pods by the name of their node.
        reports: The OOMNodes by name.
        daemon_set: The DaemonSet of the agents.
        namespace: Namespace of the release.
        version: Version of the release.
    """

    nodes: Mapping[str, Json] | None
    agents: Mapping[str, Json] | None
    reports: Mapping[str, NodeView] | None
    daemon_set: Json | None
    namespace: str
    version: str | None

    def names(self) -> list[str]:
        """Return the nodes that should have an agent; without right on Nodes those that have."""
        if self.nodes is not None:
            return sorted(name for name, node in self.nodes.items() if _runs_linux(node))
        return sorted({*(self.agents or {}), *(self.reports or {})})


def node_checks(fleet: Fleet, now: datetime) -> list[Check]:
    """Return what is wrong with each node, or one check that all is well with it."""
    if fleet.agents is None and not fleet.reports:
        return []
    return [check for name in fleet.names() for check in _one_node(fleet, name, now)]


def _one_node(fleet: Fleet, name: str, now: datetime) -> Sequence[Check]:
    found = [*_kubelet(fleet, name), *_agent(fleet, name), *_report(fleet, name, now)]
    bad = [Check(Group.NODES, name, result, message, remedy) for result, message, remedy in found]
    return bad or [Check(Group.NODES, name, Result.OK, _good(fleet, name, now))]


_Finding = tuple[Result, str, str]


def _kubelet(fleet: Fleet, name: str) -> Iterator[_Finding]:
    node = (fleet.nodes or {}).get(name)
    if node is None:
        return
    version = _kubelet_version(node)
    minor = minor_version(version)
    if minor is not None and minor < OLDEST_MINOR:
        text = f"its kubelet {version} is older than 1.{OLDEST_MINOR}"
        yield Result.FAIL, text, f"upgrade it to 1.{OLDEST_MINOR} or newer"
    if not is_ready(node):
        text = "the Node is not Ready, so its agent may be silent"
        yield Result.WARN, text, f"kubectl describe node {name}"


def _agent(fleet: Fleet, name: str) -> Iterator[_Finding]:
    if fleet.agents is None:
        return
    pod = fleet.agents.get(name)
    if pod is None:
        yield _no_agent(fleet, name)
    elif not is_ready(pod):
        own = object_name(pod)
        look = f"kubectl -n {fleet.namespace} describe pod {own}; kubectl -n {fleet.namespace} logs"
        text = f"its agent {own} is not ready: {why_not_ready(pod)}"
        yield Result.FAIL, text, f"{look} {own} --previous"


def _no_agent(fleet: Fleet, name: str) -> _Finding:
    node, daemon_set = (fleet.nodes or {}).get(name, {}), fleet.daemon_set or {}
    excluded = why_excluded(node, daemon_set)
    if excluded:
        why, remedy = excluded
        by_choice = why.startswith("agent.")
        return (
            Result.WARN if by_choice else Result.FAIL,
            f"it has no agent: {why}",
            remedy,
        )
    own = object_name(daemon_set)
    look = f"kubectl -n {fleet.namespace} describe daemonset {own}"
    return (
        Result.FAIL,
        "it has no agent, and nothing excludes it",
        f"the Events say why: {look}",
    )


def _report(fleet: Fleet, name: str, now: datetime) -> Iterator[_Finding]:
    if fleet.reports is None:
        return
    report, logs = fleet.reports.get(name), f"kubectl -n {fleet.namespace} logs of its agent"
    has_agent = fleet.agents is None or name in fleet.agents
    if report is None or not report.has_status:
        if has_agent:
            yield Result.FAIL, "its agent has never reported", f"see {logs}"
        return
    age = (now - report.heartbeat).total_seconds() if report.heartbeat else None
    if age is None or age > SILENT_SECONDS:
        when = "" if report.heartbeat is None else f" since {report.heartbeat:%F %T} UTC"
        yield (
            Result.FAIL,
            f"its agent is silent{when}",
            f"what is below may be old; see {logs}",
        )
    yield from _conditions(report)
    if fleet.version and report.version != fleet.version:
        text = f"its agent has version {report.version}, and the release {fleet.version}"
        look = f"kubectl -n {fleet.namespace} rollout status daemonset, of the agents"
        yield Result.WARN, text, f"wait for the rollout, or see why it stops: {look}"


def _conditions(report: NodeView) -> Iterator[_Finding]:
    for each in failing_conditions(report):
        result = Result.FAIL if each.type in _BLOCKING else Result.WARN
        yield result, f"{each.type} is False ({each.reason})", each.message


def _good(fleet: Fleet, name: str, now: datetime) -> str:
    """Say what was found well, as far as it may be read."""
    report, node = (fleet.reports or {}).get(name), (fleet.nodes or {}).get(name)
    parts = []
    if (fleet.agents or {}).get(name):
        parts.append("agent ready")
    if report and report.heartbeat:
        seconds = max(int((now - report.heartbeat).total_seconds()), 0)
        parts.append(f"version {report.version} wrote {seconds} s ago")
        parts.append(f"cgroup v2, kernel {report.release}")
    if node is not None:
        parts.append(f"kubelet {_kubelet_version(node)}")
    return ", ".join(parts) or "nothing is known that is wrong"


def _kubelet_version(node: Json) -> str:
    info = object_at(object_at(node, "status"), "nodeInfo")
    return text_at(info, "kubeletVersion") or "<unknown>"


def _runs_linux(node: Json) -> bool:
    return bool(object_labels(node).get("kubernetes.io/os", "linux") == "linux")
