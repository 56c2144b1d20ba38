"""Every fuzz target, for seconds; `make fuzz MINUTES=10` goes on."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS, Target

EXAMPLES = 25


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_must_hold_holds_for_whatever_is_given(target: Target) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    bounds = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=checks)
    bounds(given(target.given)(target.check))()
