"""A pytest plugin that shares stories among clusters, and cleans up after interrupted runs.

`conftest.py` registers it. pytest-xdist starts the processes and distributes the stories.
"""

import os
import signal
from collections.abc import Iterable
from typing import Any

import pytest

from e2e.lab import kind
from e2e.lab.interruption import names_of, running_instances, stop_new_instances
from e2e.order import Need, Story, known_durations, new_seed, shuffled, slowest_first
from e2e.sharing import core_of, name_of, own_instances
from e2e.times import Times, short_name

_SEED = "story_seed"


def add_options(parser: pytest.Parser) -> None:
    parser.addoption(
        *("--shuffle",), nargs="?", const="new", metavar="SEED",
        help="shuffle the stories, with a new seed or with this one",
    )  # fmt: skip


def worker_of(config: pytest.Config) -> str | None:
    """Return the name of this xdist worker, or None if there are no workers."""
    received: dict[str, str] = getattr(config, "workerinput", {})
    return received.get("workerid")


def configure(config: pytest.Config) -> None:
    """Register the markers and the plugins of this process."""
    config.addinivalue_line("markers", "node: added automatically to stories that need a node")
    config.addinivalue_line("markers", "smoke: an end-to-end story for `test-fast`")
    config.pluginmanager.register(StoryOrder(config), "story-order")
    if (worker := worker_of(config)) is not None:
        own = core_of(worker, os.sched_getaffinity(0))
        os.sched_setaffinity(0, {own})  # the cluster that this process starts inherits it
        return
    config.pluginmanager.register(Times(), "story-times")
    if not config.option.collectonly:
        config.pluginmanager.register(InterruptionHandler(), "story-interruption")


class StoryOrder:
    """Sorts the stories, and records what the selected ones need."""

    def __init__(self, config: pytest.Config) -> None:
        option: str | None = config.option.shuffle
        received: dict[str, str | None] = getattr(config, "workerinput", {})
        self._seed = received.get(_SEED, new_seed() if option == "new" else option)
        self.need = Need.NOTHING

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass the seed to a worker, which would otherwise draw its own."""
        node.workerinput[_SEED] = self._seed

    def pytest_report_header(self) -> list[str]:
        return [f"stories are shuffled: --shuffle={self._seed}"] if self._seed else []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_name = {item.nodeid: item for item in items}
        for item in items:
            if need_of(item) == Need.NODE:
                item.add_marker("node")
        items[:] = [by_name[name] for name in self._ordered(items)]

    def _ordered(self, items: Iterable[pytest.Item]) -> list[str]:
        names = {short_name(item.nodeid): item.nodeid for item in items}
        stories = [_story(item) for item in items]
        seconds = known_durations()
        seed = self._seed
        ordered = shuffled(stories, seed) if seed else slowest_first(stories, seconds)
        return [names[story.name] for story in ordered]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        needs = {need_of(item) for item in session.items}
        self.need = Need.NODE if Need.NODE in needs else Need.API_SERVER


def need_of(item: pytest.Item) -> Need:
    """Return what a story needs, based on its fixtures."""
    fixtures = getattr(item, "fixturenames", ())
    if "world" in fixtures:
        return Need.NODE
    return Need.API_SERVER if "control_plane" in fixtures else Need.NOTHING


def _story(item: pytest.Item) -> Story:
    name = short_name(item.nodeid)
    mark = item.get_closest_marker("xdist_group")
    return Story(name, str(mark.args[0]) if mark else name, need_of(item))


class InterruptionHandler:
    """Stops the clusters that an interrupted run has started; older ones keep running."""

    def __init__(self) -> None:
        self._before: set[str] = set()
        self._is_lab = not (os.environ.get("KUBECONFIG") or kind.is_possible())

    def pytest_sessionstart(self) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if self._is_lab:
            self._before = names_of(running_instances(own_instances()))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Stop the clusters after the workers have ended."""
        if exitstatus == pytest.ExitCode.INTERRUPTED and self._is_lab:
            stop_new_instances(own_instances(), self._before)


def cluster_name(config: pytest.Config) -> str:
    """Return the name of this process's cluster."""
    return name_of(worker_of(config))
