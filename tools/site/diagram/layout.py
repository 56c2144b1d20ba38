"""Where the nodes of a flowchart are: in ranks along its direction, with few crossings."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from tools.site.diagram.flowchart import Edge, Flowchart

CHARACTER, LINE, PADDING = 7.4, 18.0, 10.0
"""Width of a character, height of a line, and space around a label, in pixels."""
_RANK_GAP, _GAP = 44.0, 20.0
_SWEEPS = 8


@dataclass(frozen=True)
class Box:
    """A rectangle by its centre and size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """The places of everything.

    Attributes:
        nodes: The box of each node.
        paths: The points that each edge passes, from its start to its end.
    """

    nodes: dict[str, Box]
    paths: dict[Edge, list[tuple[float, float]]]


def text_width(lines: list[str]) -> float:
    """Return the width of a label."""
    return max(map(len, lines)) * CHARACTER


def lay_out(chart: Flowchart) -> Layout:
    """Place the nodes of a flowchart, and the points at which long edges pass other ranks."""
    ranks = _ranks(chart)
    chains = {edge: _chain(edge, ranks) for edge in chart.edges}
    rows: dict[int, list[str]] = defaultdict(list)
    for name in [*chart.labels, *(each for chain in chains.values() for each in chain[1:-1])]:
        rows[ranks[name]].append(name)
    steps = [pair for chain in chains.values() for pair in pairwise(chain)]
    sizes = {name: _size(chart, name) for name in ranks}
    across = _across(rows, steps, {name: size[1] for name, size in sizes.items()})
    along = _along(rows, chart, ranks, {name: size[0] for name, size in sizes.items()})
    places = {name: (along[ranks[name]], across[name]) for name in ranks}
    if chart.direction == "TB":
        places = {name: (y, x) for name, (x, y) in places.items()}
        sizes = {name: (height, width) for name, (width, height) in sizes.items()}
    return Layout(
        {name: Box(*places[name], *sizes[name]) for name in chart.labels},
        {edge: [places[each] for each in chain] for edge, chain in chains.items()},
    )


def _ranks(chart: Flowchart) -> dict[str, int]:
    """Return the rank of each node: behind all that lead to it; arrows back do not count."""
    ranks = dict.fromkeys(chart.labels, 0)
    order = list(chart.labels)
    for _ in order:
        for edge in chart.edges:
            if not _leads_back(edge, chart):
                ranks[edge.end] = max(ranks[edge.end], ranks[edge.start] + 1)
    return ranks


def _leads_back(edge: Edge, chart: Flowchart) -> bool:
    """Return whether an edge closes a circle: its start can be reached from its end before it."""
    earlier = chart.edges[: chart.edges.index(edge)]
    reached, new = {edge.end}, {edge.end}
    while new:
        new = {each.end for each in earlier if each.start in new} - reached
        reached |= new
    return edge.start in reached


def _chain(edge: Edge, ranks: dict[str, int]) -> list[str]:
    """Return the names of an edge's ends, and of the places between them, which get ranks."""
    first, last = ranks[edge.start], ranks[edge.end]
    step = 1 if last >= first else -1
    between = []
    for rank in range(first + step, last, step):
        name = f"{edge.start}>{edge.end}>{edge.label}>{rank}"
        ranks[name] = rank
        between.append(name)
    return [edge.start, *between, edge.end]


def _size(chart: Flowchart, name: str) -> tuple[float, float]:
    """Return the size along and across the direction of the chart."""
    lines = chart.labels.get(name)
    if lines is None:
        return 0.0, 4.0
    width, height = text_width(lines) + 2 * PADDING, len(lines) * LINE + 2 * PADDING
    return (width, height) if chart.direction == "LR" else (height, width)


def _across(
    rows: dict[int, list[str]], steps: list[tuple[str, str]], sizes: dict[str, float]
) -> dict[str, float]:
    """Return the places across the direction: near to their neighbours, without overlap."""
    near: dict[str, list[str]] = defaultdict(list)
    for start, end in steps:
        near[start].append(end)
        near[end].append(start)
    places = {name: 50.0 * n for row in rows.values() for n, name in enumerate(row)}
    for sweep in range(2 * _SWEEPS):
        for rank in sorted(rows, reverse=bool(sweep % 2)):
            wanted = {name: _mean([places[each] for each in near[name]], places[name])
                      for name in rows[rank]}  # fmt: skip
            if sweep < _SWEEPS:
                rows[rank].sort(key=wanted.__getitem__)
            places |= _apart(rows[rank], wanted, sizes)
    return places


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _apart(row: list[str], wanted: dict[str, float], sizes: dict[str, float]) -> dict[str, float]:
    """Return places in the order of the row, as near as possible to those that are wanted."""
    found: dict[str, float] = {}
    least = float("-inf")
    for name in row:
        found[name] = max(wanted[name], least + sizes[name] / 2)
        least = found[name] + sizes[name] / 2 + _GAP
    shift = _mean([wanted[name] - found[name] for name in row], 0.0)
    return {name: place + shift for name, place in found.items()}


def _along(
    rows: dict[int, list[str]], chart: Flowchart, ranks: dict[str, int], sizes: dict[str, float]
) -> dict[int, float]:
    """Return the places of the ranks along the direction, with room for the labels of edges."""
    room: dict[int, float] = defaultdict(lambda: _RANK_GAP)
    for edge in chart.edges:
        if edge.label and chart.direction == "LR":
            wide = text_width([edge.label]) + _RANK_GAP
            first = min(ranks[edge.start], ranks[edge.end])
            room[first] = max(room[first], wide)
    places, at = {}, 0.0
    for rank in sorted(rows):
        thick = max(sizes[name] for name in rows[rank])
        places[rank] = at + thick / 2
        at += thick + room[rank]
    return places
