"""What the cluster says when a story failed: enough to judge it without being there."""

from e2e.lab import Cluster
from e2e.lab.errors import LabError
from e2e.world import NAMESPACE

_LINES = "--tail=80"
_QUESTIONS = {
    "pods": ("get", "pods", "-A", "-o", "wide"),
    "OOMKills": ("get", "oomkills", "-A", "--sort-by=.metadata.creationTimestamp"),
    "OOMNodes": ("get", "oomnodes", "-o", "jsonpath={range .items[*]}{.status}{'\\n'}{end}"),
    "agent": ("logs", "-n", NAMESPACE, "ds/oomwarden-agent", _LINES),
    "agent before its restart": ("logs", "-n", NAMESPACE, "ds/oomwarden-agent", "-p", _LINES),
    "operator": ("logs", "-n", NAMESPACE, "deploy/oomwarden-operator", _LINES),
    "events": ("get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp"),
}


def gather(cluster: Cluster) -> str:
    """Ask everything; an answer that cannot be had says why."""
    return "\n".join(f"--- {name}\n{_ask(cluster, *q)}" for name, q in _QUESTIONS.items())


def _ask(cluster: Cluster, *question: str) -> str:
    try:
        return cluster.kubectl(*question)[-6000:]
    except LabError as error:
        return f"(no answer: {error})"
