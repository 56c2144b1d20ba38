import pytest

from tools.site.diagram.flowchart import DiagramError, Edge, read_flowchart

TEXT = """\
flowchart LR
  subgraph node["each node"]
    counters["memory.events<br/>of every level"]
    agent(["agent"])
  end
  %% a comment
  counters -- "how many" --> agent
  agent & log -- writes --> store[("a store")] --> api["API"]
"""


def test_nodes_edges_labels_and_groups_are_read() -> None:
    chart = read_flowchart(TEXT)
    assert chart.direction == "LR"
    assert chart.labels == {
        "counters": ["memory.events", "of every level"],
        "agent": ["agent"],
        "log": ["log"],
        "store": ["a store"],
        "api": ["API"],
    }
    assert chart.edges == [
        Edge("counters", "agent", "how many"),
        Edge("agent", "store", "writes"),
        Edge("log", "store", "writes"),
        Edge("store", "api"),
    ]
    assert chart.groups == {"each node": ["counters", "agent"]}
    assert chart.stores == {"store"}


@pytest.mark.parametrize(
    "text",
    [
        "sequenceDiagram\n  a->>b: hello",
        "flowchart LR\n  a ==> b",
        "flowchart LR\n  a --> ?",
        "flowchart RL",
    ],
)
def test_what_is_not_understood_fails_the_build(text: str) -> None:
    with pytest.raises(DiagramError):
        read_flowchart(text)
