"""When a report of policies is made, and when the last one still holds."""

import time
from dataclasses import dataclass, field

import pytest
from oomwarden.agent.reporting.current_findings import CurrentFindings
from oomwarden.agent.reporting.policy_reports import PolicyFindings
from oomwarden.agent.reporting.status_writer import READ_SECONDS
from oomwarden.agent.runtime.signal import Signal
from oomwarden.api.oomnode import Applied


@dataclass
class Reports:
    changed: Signal = field(default_factory=Signal)
    version: int = 0
    made: int = 0
    seen: list[PolicyFindings] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.findings = CurrentFindings(
            self.make, self.changed, lambda: self.version, self.seen.append
        )

    def make(self) -> PolicyFindings:
        self.made += 1
        return PolicyFindings(Applied(), ())

    def read(self) -> int:
        """Read the report; return how many were made until then."""
        assert self.findings.current() is self.seen[-1]
        return self.made


def test_a_report_is_made_again_when_something_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    reports, now = Reports(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert (reports.read(), reports.read()) == (1, 1)
    reports.changed.set()
    assert (reports.read(), reports.read()) == (2, 2)
    reports.version += 1
    assert (reports.read(), reports.read()) == (3, 3)
    now += READ_SECONDS
    assert (reports.read(), reports.read()) == (4, 4)
    assert len(reports.seen) == 4
