"""The checks of tests/kernel_vm/vm run in two boots of a real kernel; tests judge what they saw.

A boot runs all checks of its modules, so that each can have a sentence of its own without a
machine of its own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from e2e.lab.kernel_vm import run_in_vm

Facts = dict[str, Any]
VM = Path(__file__).parent / "vm"
BOOTS = {
    "levels": ("checks_selftests", "checks_causes", "checks_layouts", "checks_scores"),
    "storms": ("checks_storms", "checks_traps"),
}
SECONDS = 600.0


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


@cache
def _boot(name: str) -> dict[str, Facts]:
    files = {path.name: path.read_text() for path in VM.glob("*.py")}
    files["checks.json"] = json.dumps(BOOTS[name])
    done = run_in_vm(files.pop("driver.py"), files, SECONDS)
    assert done.exit_code == 0, done.console
    results = map(json.loads, done.stdout.splitlines())
    return {result["name"]: result for result in results}


def _facts(boot: str) -> Callable[[str], Facts]:
    def facts(check: str) -> Facts:
        result = _boot(boot)[check]
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
def levels() -> Callable[[str], Facts]:
    """What the checks of single kills saw, by the check's name; all they told adds up."""
    return _facts("levels")


@pytest.fixture(scope="session")
def storms() -> Callable[[str], Facts]:
    """What the checks of storms and traps saw, by the check's name; all they told adds up."""
    return _facts("storms")
