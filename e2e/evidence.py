"""What the cluster says when a story failed: enough to judge it without being there."""

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
_QUESTIONS = {
    "pods": ("get", "pods", "-A", "-o", "wide"),
    "OOMKills": ("get", "oomkills", "-A", "--sort-by=.metadata.creationTimestamp"),
    "OOMNodes": ("get", "oomnodes", "-o", "jsonpath={range .items[*]}{.status}{'\\n'}{end}"),
    "agent": (*_LOGS, "ds/oomwarden-agent", _LINES),
    "agent before its restart": (*_LOGS, "ds/oomwarden-agent", "-p", _LINES),
    "operator": (*_LOGS, "deploy/oomwarden-operator", _LINES),
    "events": ("get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp"),
}
_WHOLE = {
    "agent": (*_LOGS, "ds/oomwarden-agent"),
    "operator": (*_LOGS, "deploy/oomwarden-operator"),
    "objects": (
        "get", "pods,nodes,oomnodes,oomlimits,oompolicies,clusteroompolicies,oomkills,events",
        "-A", "-o", "yaml",
    ),
}  # fmt: skip
_SERVICES = ("kubelet", "containerd")


@dataclass(frozen=True)
class Kept:
    """What a failed story leaves: a text to read at once, and a folder with whole logs."""

    said: str
    folder: Path


def keep(cluster: Cluster, name: str, story: str) -> Kept:
    """Write down all that the cluster says, and give the most telling part.

    Args:
        cluster: The one that the story had.
        name: Its name, as a folder.
        story: The story's name.
    """
    folder = LOGS / name / re.sub(r"[^\w.-]+", "-", story)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    said = gather(cluster)
    (folder / "said.txt").write_text(said, encoding="utf-8")
    for what, question in {**_WHOLE, **_of_the_node(cluster)}.items():
        (folder / f"{what}.log").write_text(_ask(cluster, *question), encoding="utf-8")
    # The lab's control plane is processes of this machine; other clusters keep theirs.
    for log in (cluster.kubeconfig.parent / "run").glob("*.log"):
        shutil.copy(log, folder)
    return Kept(said, folder)


def gather(cluster: Cluster) -> str:
    """Ask everything; an answer that cannot be had says why."""
    return "\n".join(f"--- {name}\n{_ask(cluster, *q)[-6000:]}" for name, q in _QUESTIONS.items())


def _of_the_node(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """Describe how to ask each node for the logs of its services."""
    lines = _ask(cluster, "get", "nodes", "-o", "name").splitlines()
    nodes = [line.removeprefix("node/") for line in lines if line.startswith("node/")]
    return {
        f"{node}-{service}": ("get", "--raw", f"/api/v1/nodes/{node}/proxy/logs/?query={service}")
        for node in nodes
        for service in _SERVICES
    }


def _ask(cluster: Cluster, *question: str) -> str:
    try:
        return cluster.kubectl(*question)
    except LabError as error:
        return f"(no answer: {error})"
