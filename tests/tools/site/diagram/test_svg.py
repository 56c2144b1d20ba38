import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.site.diagram.flowchart import Edge, Flowchart
from tools.site.diagram.layout import Box, lay_out
from tools.site.diagram.svg import MAX_WIDTH, draw, with_diagrams

DOCS = Path(__file__).resolve().parents[4] / "docs"
DIAGRAMS = [
    found
    for page in sorted(DOCS.rglob("*.md"))
    for found in re.findall(r"^```mermaid\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
]


def overlap(one: Box, other: Box) -> bool:
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2 - 0.01
        and abs(one.y - other.y) < (one.height + other.height) / 2 - 0.01
    )


def charts() -> st.SearchStrategy[Flowchart]:
    names = st.sampled_from("abcdefgh")
    edges = st.lists(st.builds(Edge, names, names, st.sampled_from(["", "label"])), max_size=14)

    def chart(direction: str, found: list[Edge]) -> Flowchart:
        labels = {
            name: [name, "text"] for name in ["a", *(n for e in found for n in (e.start, e.end))]
        }
        return Flowchart(direction, labels, found)

    return st.builds(chart, st.sampled_from(["LR", "TB"]), edges)


@given(charts())
def test_nodes_never_overlap_and_every_edge_joins_its_nodes(chart: Flowchart) -> None:
    layout = lay_out(chart)
    assert not any(overlap(*pair) for pair in combinations(layout.nodes.values(), 2))
    for edge, points in layout.paths.items():
        ends = [(box.x, box.y) for box in (layout.nodes[edge.start], layout.nodes[edge.end])]
        assert [points[0], points[-1]] == ends


@pytest.mark.parametrize("text", DIAGRAMS)
def test_a_diagram_of_the_documentation_is_drawn_with_all_its_words(text: str) -> None:
    drawn = draw(text)
    assert "\n" not in drawn, "Markdown ends an HTML block at an empty line"
    image = ET.fromstring(drawn)  # noqa: S314 - our own
    assert float(image.attrib["width"]) <= 1.2 * MAX_WIDTH
    words = {each.text for each in image.iter() if each.text}
    for label in re.findall(r'"([^"]+)"', text):
        assert set(re.split(r"<br\s*/?>", label)) <= words


def test_labels_are_escaped_and_other_blocks_stay() -> None:
    page = '```mermaid\nflowchart LR\n  a["x & <y>"] --> b\n```\n\n```text\na --> b\n```\n'
    drawn = with_diagrams(page)
    assert "x &amp; &lt;y&gt;" in drawn
    assert drawn.endswith("</div>\n\n```text\na --> b\n```\n")
    assert len(DIAGRAMS) >= 3
