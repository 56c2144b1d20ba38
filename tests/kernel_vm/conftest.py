"""The checks of tests/kernel_vm/vm run in boots of two real kernels; tests judge what they saw."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support.boots import CHECKS, Boots, Facts, kernels


@dataclass(frozen=True)
class Report:
    """What the agents told: `log` reads the kernel log, `counters` has counters alone.

    `kernel` is how far the counters of kubepods rose.
    """

    kernel: int
    agents: dict[str, Facts]

    def records(self, agent: str = "log") -> list[Facts]:
        found: list[Facts] = self.agents[agent]["records"]
        return found

    def only(self, agent: str = "log") -> Facts:
        (record,) = self.records(agent)
        return record

    def causes(self) -> dict[str, list[str]]:
        """By agent, in the order of the records' ranges."""
        return {name: [one["cause"] for one in self.records(name)] for name in self.agents}

    def wrong_sums(self) -> Facts:
        """The agents whose ranges do not join up to what the kernel counted."""
        sums = ("told", "unattributed", "gaps")
        found = {name: {key: told[key] for key in sums} for name, told in self.agents.items()}
        right = {"told": self.kernel, "unattributed": 0, "gaps": []}
        return {name: told for name, told in found.items() if told != right}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test each kernel."""
    if "linux" in metafunc.fixturenames:
        metafunc.parametrize("linux", kernels(), scope="session")


@pytest.fixture(scope="session")
def boots(request: pytest.FixtureRequest) -> Iterator[Boots]:
    """The boots that the chosen tests need, all under way."""
    wanted = {
        (str(item.callspec.params["linux"]), name)
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        for name in CHECKS
        if name in item.fixturenames
    }
    started = Boots(wanted)
    yield started
    started.end()


def _facts(seen: dict[str, Facts]) -> Callable[[str], Facts]:
    def facts(check: str) -> Facts:
        result = seen[check]
        if "error" in result:
            pytest.fail(result["error"], pytrace=False)
        found: Facts = dict(result["facts"])
        if "report" in found:
            agents = dict(found["report"])
            found["report"] = Report(agents.pop("kernel"), agents)
            assert found["report"].wrong_sums() == {}
        return found

    return facts


@pytest.fixture(scope="session")
def levels(boots: Boots, linux: str) -> Callable[[str], Facts]:
    """What the checks of single kills saw, by the check's name; all they told adds up."""
    return _facts(boots.facts(linux, "levels"))


@pytest.fixture(scope="session")
def storms(boots: Boots, linux: str) -> Callable[[str], Facts]:
    """What the checks of storms and traps saw, by the check's name; all they told adds up."""
    return _facts(boots.facts(linux, "storms"))
