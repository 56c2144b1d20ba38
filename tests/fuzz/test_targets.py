"""Runs every fuzz target for seconds; `make fuzz MINUTES=10` runs them longer."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS, FuzzTarget

EXAMPLES = 25


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_invariants_hold_for_any_input(target: FuzzTarget) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    bounds = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=checks)
    bounds(given(target.examples)(target.check))()
