"""The agent's parts fit together, before any of its loops has run."""

from pathlib import Path

from oomwarden.agent.run import Agent

from tests.support.enforcing import NO_CLIENT, SETTINGS
from tests.support.stores import store_at


def agent(path: Path) -> Agent:
    return Agent(SETTINGS, store_at(path / "store.sqlite"), NO_CLIENT)


async def test_every_loop_has_a_name_of_its_own(tmp_path: Path) -> None:
    names = [loop.name for loop in agent(tmp_path).loops()]
    assert len(names) == len(set(names))
    assert {"detect", "bookkeep", "deliver", "enforce", "status", "watch-pods"} <= set(names)


async def test_an_agent_that_has_just_started_has_figures(tmp_path: Path) -> None:
    figures = agent(tmp_path).status.figures()
    assert (figures.kills, figures.enforced_processes, figures.outbox) == (0, 0, 0)
    assert set(figures.stuck_since.values()) == {None}


async def test_what_the_api_server_says_wakes_the_loops_that_depend_on_it(tmp_path: Path) -> None:
    node = agent(tmp_path).node
    node.view.namespaces.replace([])
    assert node.signals.containers.is_set()
    node.view.limits.replace([])
    assert node.signals.limits.is_set()
    assert node.signals.status.is_set()
    node.signals.status.clear()
    node.unreadable.add("Pod", {"metadata": {"name": "odd"}}, "no spec")
    assert node.signals.status.is_set()
