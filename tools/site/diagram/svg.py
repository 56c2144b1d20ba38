"""Draws a flowchart as SVG, in the colours of the page around it."""

import itertools
import re
from collections.abc import Iterable, Iterator
from html import escape

from tools.site.diagram.flowchart import Edge, Flowchart, read_flowchart
from tools.site.diagram.layout import CHARACTER, LINE, Box, Layout, lay_out

MAX_WIDTH = 720.0
"""In pixels: a wider chart is drawn from top to bottom, so that its text is not shrunk."""
_MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARGIN, _GROUP_MARGIN, _GROUP_HEAD = 12.0, 10.0, 20.0
_STYLE = "font: 13px var(--md-text-font-family, sans-serif)"
_LINE_COLOUR = "var(--md-default-fg-color--light, #666)"
_FILL, _TEXT = "var(--md-code-bg-color, #f5f5f5)", "var(--md-default-fg-color, #222)"
_PAGE = "var(--md-default-bg-color, #fff)"


def draw(text: str) -> str:
    """Return a diagram in Mermaid's syntax as one line of SVG.

    Raises:
        DiagramError: The syntax is not understood.
    """
    chart = read_flowchart(text)
    layout = lay_out(chart)
    if chart.direction == "LR" and _width(layout) > MAX_WIDTH:
        chart.direction = "TB"
        layout = lay_out(chart)
    groups = {label: _around(layout, names) for label, names in chart.groups.items()}
    everything = [*layout.nodes.values(), *groups.values()]
    left = min(box.x - box.width / 2 for box in everything) - _MARGIN
    top = min(box.y - box.height / 2 for box in everything) - _MARGIN
    width = max(box.x + box.width / 2 for box in everything) + _MARGIN - left
    height = max(box.y + box.height / 2 for box in everything) + _MARGIN - top
    parts = [
        (
            f'<svg role="img" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" style="max-width: none; {_STYLE}">'
        ),
        f"<title>{escape(_description(chart))}</title>",
        (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="{_LINE_COLOUR}"/>'
            "</marker></defs>"
        ),
        *(_group(label, box) for label, box in groups.items()),
        *(_edge(edge, layout, chart.direction) for edge in chart.edges),
        *(_node(name, chart, layout) for name in chart.labels),
        *_edge_labels(layout, chart.direction),
        "</svg>",
    ]
    return "".join(parts)


def with_diagrams(markdown: str) -> str:
    """Replace blocks of Mermaid by drawings."""
    return _MERMAID.sub(lambda found: f'<div class="diagram">{draw(found[1])}</div>', markdown)


def _width(layout: Layout) -> float:
    boxes = layout.nodes.values()
    return max(box.x + box.width / 2 for box in boxes) - min(box.x - box.width / 2 for box in boxes)


def _description(chart: Flowchart) -> str:
    """Return what a screen reader says."""
    words = {name: " ".join(lines) for name, lines in chart.labels.items()}
    return "; ".join(f"{words[each.start]} to {words[each.end]}" for each in chart.edges)


def _around(layout: Layout, names: Iterable[str]) -> Box:
    boxes = [layout.nodes[name] for name in names]
    left = min(box.x - box.width / 2 for box in boxes) - _GROUP_MARGIN
    right = max(box.x + box.width / 2 for box in boxes) + _GROUP_MARGIN
    top = min(box.y - box.height / 2 for box in boxes) - _GROUP_HEAD
    bottom = max(box.y + box.height / 2 for box in boxes) + _GROUP_MARGIN
    return Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _rectangle(box: Box, style: str, radius: float = 4) -> str:
    x, y = box.x - box.width / 2, box.y - box.height / 2
    size = f'width="{box.width:.1f}" height="{box.height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} rx="{radius:.0f}" {style}/>'


def _group(label: str, box: Box) -> str:
    frame = _rectangle(box, f'fill="none" stroke="{_LINE_COLOUR}" stroke-dasharray="4 3"')
    x, y = box.x - box.width / 2 + 8, box.y - box.height / 2 + 14
    return f'{frame}<text x="{x:.1f}" y="{y:.1f}" fill="{_LINE_COLOUR}">{escape(label)}</text>'


def _node(name: str, chart: Flowchart, layout: Layout) -> str:
    box, lines = layout.nodes[name], chart.labels[name]
    radius = box.height / 2 if name in chart.stores else 4
    frame = _rectangle(box, f'fill="{_FILL}" stroke="{_LINE_COLOUR}"', radius)
    first = box.y - (len(lines) - 1) * LINE / 2 + 4.5
    spans = (
        f'<tspan x="{box.x:.1f}" y="{first + n * LINE:.1f}">{escape(line)}</tspan>'
        for n, line in enumerate(lines)
    )
    return f'{frame}<text text-anchor="middle" fill="{_TEXT}">{"".join(spans)}</text>'


def _edge(edge: Edge, layout: Layout, direction: str) -> str:
    """Draw a curve that leaves and enters ranks in the direction of the chart."""
    points = _ends_at_borders(edge, layout, direction)
    path = f"M{_point(points[0])}"
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        middle = ((x + to_x) / 2, (y + to_y) / 2)
        control = (
            ((middle[0], y), (middle[0], to_y))
            if direction == "LR"
            else ((x, middle[1]), (to_x, middle[1]))
        )
        path += f"C{_point(control[0])} {_point(control[1])} {_point((to_x, to_y))}"
    return f'<path d="{path}" fill="none" stroke="{_LINE_COLOUR}" marker-end="url(#arrow)"/>'


def _point(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _ends_at_borders(edge: Edge, layout: Layout, direction: str) -> list[tuple[float, float]]:
    points = list(layout.paths[edge])
    start, end = layout.nodes[edge.start], layout.nodes[edge.end]
    if direction == "LR":
        sign = 1 if end.x >= start.x else -1
        points[0] = (start.x + sign * start.width / 2, start.y)
        points[-1] = (end.x - sign * end.width / 2, end.y)
    else:
        sign = 1 if end.y >= start.y else -1
        points[0] = (start.x, start.y + sign * start.height / 2)
        points[-1] = (end.x, end.y - sign * end.height / 2)
    return points


def _edge_labels(layout: Layout, direction: str) -> Iterator[str]:
    for edge in layout.paths:
        if not edge.label:
            continue
        points = _ends_at_borders(edge, layout, direction)
        (x, y), (to_x, to_y) = points[:2]
        x, y = (x + to_x) / 2, (y + to_y) / 2
        back = Box(x, y, len(edge.label) * CHARACTER, LINE)
        yield _rectangle(back, f'fill="{_PAGE}"')
        yield (
            f'<text x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle" '
            f'fill="{_LINE_COLOUR}">{escape(edge.label)}</text>'
        )
