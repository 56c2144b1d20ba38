"""Saves the cluster's state when a story fails, so that the failure can be analysed later."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from e2e.lab import Cluster
from e2e.lab.errors import LabError
from e2e.world import NAMESPACE

LOGS = Path(__file__).resolve().parent.parent / "build" / "stories"
_LINES = "--tail=80"
_LOGS = ("logs", "-n", NAMESPACE, "--pod-running-timeout=2s")
_SUMMARY_QUERIES = {
    "pods": ("get", "pods", "-A", "-o", "wide"),
    "OOMKills": ("get", "oomkills", "-A", "--sort-by=.metadata.creationTimestamp"),
    "OOMNodes": ("get", "oomnodes", "-o", "jsonpath={range .items[*]}{.status}{'\\n'}{end}"),
    "agent": (*_LOGS, "ds/oomwarden-agent", _LINES),
    "agent before its restart": (*_LOGS, "ds/oomwarden-agent", "-p", _LINES),
    "operator": (*_LOGS, "deploy/oomwarden-operator", _LINES),
    "events": ("get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp"),
}
_FULL_QUERIES = {
    "agent": (*_LOGS, "ds/oomwarden-agent"),
    "operator": (*_LOGS, "deploy/oomwarden-operator"),
    "objects": (
        "get", "pods,nodes,oomnodes,oomlimits,oompolicies,clusteroompolicies,oomkills,events",
        "-A", "-o", "yaml",
    ),
}  # fmt: skip
_SERVICES = ("kubelet", "containerd")


@dataclass(frozen=True)
class SavedEvidence:
    """The saved state.

    Attributes:
        summary: The most important facts, for the test report.
        folder: The folder with complete logs.
    """

    summary: str
    folder: Path


def save(cluster: Cluster, name: str, story: str) -> SavedEvidence:
    """Write the cluster's state and logs to a folder.

    Args:
        cluster: The cluster that the story ran on.
        name: The cluster's name.
        story: The story's name.
    """
    folder = LOGS / name / re.sub(r"[^\w.-]+", "-", story)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    summary = summarize(cluster)
    (folder / "summary.txt").write_text(summary, encoding="utf-8")
    for what, query in {**_FULL_QUERIES, **_node_log_queries(cluster)}.items():
        (folder / f"{what}.log").write_text(_run(cluster, *query), encoding="utf-8")
    # Only the lab's control plane runs, and logs, on this machine.
    for log in (cluster.kubeconfig.parent / "run").glob("*.log"):
        shutil.copy(log, folder)
    return SavedEvidence(summary, folder)


def summarize(cluster: Cluster) -> str:
    """Return the output of all queries, or the reason why one failed."""
    return "\n".join(
        f"--- {name}\n{_run(cluster, *q)[-6000:]}" for name, q in _SUMMARY_QUERIES.items()
    )


def _node_log_queries(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """Return queries for the logs of each node's services."""
    lines = _run(cluster, "get", "nodes", "-o", "name").splitlines()
    nodes = [line.removeprefix("node/") for line in lines if line.startswith("node/")]
    return {
        f"{node}-{service}": ("get", "--raw", f"/api/v1/nodes/{node}/proxy/logs/?query={service}")
        for node in nodes
        for service in _SERVICES
    }


def _run(cluster: Cluster, *query: str) -> str:
    try:
        return cluster.kubectl(*query)
    except LabError as error:
        return f"(failed: {error})"
