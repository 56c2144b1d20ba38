"""The checks in tests/kernel_vm/vm run on two real kernels; the tests assert on their facts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support.boots import CHECKS, Boots, Facts, kernels


@dataclass(frozen=True)
class CheckReport:
    """What the agents recorded during a check.

    Attributes:
        kernel: The increase of kubepods' kill counter.
        agents: The agents' facts: `log` reads the kernel log, `counters` has only the counters.
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
        """Return the causes by agent, in the order of the records' ranges."""
        return {name: [one["cause"] for one in self.records(name)] for name in self.agents}

    def wrong_sums(self) -> Facts:
        """Return the agents whose ranges do not add up to what the kernel counted."""
        sums = ("recorded", "unattributed", "gaps")
        found = {
            name: {key: agent_report[key] for key in sums}
            for name, agent_report in self.agents.items()
        }
        right = {"recorded": self.kernel, "unattributed": 0, "gaps": []}
        return {name: agent_report for name, agent_report in found.items() if agent_report != right}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on each kernel."""
    if "linux" in metafunc.fixturenames:
        metafunc.parametrize("linux", kernels(), scope="session")


@pytest.fixture(scope="session")
def boots(request: pytest.FixtureRequest) -> Iterator[Boots]:
    """Start the boots that the selected tests need."""
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
            found["report"] = CheckReport(agents.pop("kernel"), agents)
            assert found["report"].wrong_sums() == {}
        return found

    return facts


@pytest.fixture(scope="session")
def levels(boots: Boots, linux: str) -> Callable[[str], Facts]:
    """Return what a check of single kills saw, once its reports add up."""
    return _facts(boots.facts(linux, "levels"))


@pytest.fixture(scope="session")
def storms(boots: Boots, linux: str) -> Callable[[str], Facts]:
    """Return what a check of storms or traps saw, once its reports add up."""
    return _facts(boots.facts(linux, "storms"))
