"""Reads the part of Mermaid's flowchart syntax that the documentation uses."""

import re
from dataclasses import dataclass, field

_NODE = re.compile(
    r"\s*(?P<name>\w+)(?:(?P<open>\(\[|\[\(|\[|\()\"?(?P<label>.*?)\"?(?:\]\)|\)\]|\]|\)))?\s*"
)
_ARROW = re.compile(r"(?:--\s*(?:\"(?P<quoted>[^\"]*)\"|(?P<plain>[^->\"][^->]*?))\s*)?-->")
_GROUP = re.compile(r"subgraph\s+(?P<name>\w+)(?:\[\"?(?P<label>.*?)\"?\])?$")
_STORE = "[("


class DiagramError(Exception):
    """A line is not understood; the message has it."""


@dataclass(frozen=True)
class Edge:
    """An arrow between two nodes, by their names."""

    start: str
    end: str
    label: str = ""


@dataclass
class Flowchart:
    """A flowchart.

    Attributes:
        direction: LR or TB.
        labels: The lines of each node's label by the node's name, in the order of the text.
        edges: The arrows.
        groups: The names of the nodes of each subgraph, by its label.
        stores: Nodes that are databases.
    """

    direction: str = "LR"
    labels: dict[str, list[str]] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    stores: set[str] = field(default_factory=set)


def read_flowchart(text: str) -> Flowchart:
    """Read a flowchart.

    Raises:
        DiagramError: A line is not understood.
    """
    head, *lines = [line.strip() for line in text.strip().splitlines()]
    if head not in {"flowchart LR", "flowchart TB"}:
        raise DiagramError(f"only flowchart LR and flowchart TB are drawn: {head!r}")
    chart, group = Flowchart(head.split()[1]), ""
    for line in lines:
        if found := _GROUP.match(line):
            group = found["label"] or found["name"]
            chart.groups[group] = []
        elif line == "end":
            group = ""
        elif line and not line.startswith("%%"):
            _read_line(line, chart, group)
    return chart


def _read_line(line: str, chart: Flowchart, group: str) -> None:
    at, before, label = 0, list[str](), ""
    while True:
        names, at = _read_nodes(line, at, chart, group)
        chart.edges += [Edge(start, end, label) for start in before for end in names]
        if at == len(line):
            return
        arrow = _ARROW.match(line, at)
        if arrow is None:
            raise DiagramError(f"not understood from {line[at:]!r}: {line}")
        before, at = names, arrow.end()
        label = (arrow["quoted"] or arrow["plain"] or "").strip()


def _read_nodes(line: str, at: int, chart: Flowchart, group: str) -> tuple[list[str], int]:
    """Read `a & b["label"] & c`; return the names, and where they end."""
    names: list[str] = []
    while True:
        node = _NODE.match(line, at)
        if node is None:
            raise DiagramError(f"a node is missing at {line[at:]!r}: {line}")
        name, at = node["name"], node.end()
        names.append(name)
        if node["label"] is not None or name not in chart.labels:
            chart.labels[name] = re.split(r"<br\s*/?>", node["label"] or name)
        if node["open"] == _STORE:
            chart.stores.add(name)
        if group and name not in chart.groups[group]:
            chart.groups[group].append(name)
        if not line.startswith("&", at):
            return names, at
        at += 1
