from typing import TYPE_CHECKING, cast

from oomwarden.agent.enforcement.governing import MAX_GONE, GoverningPolicies

if TYPE_CHECKING:
    from oomwarden.core.incidents.record_context import GoverningPolicy


def test_of_containers_that_are_gone_the_last_ones_are_kept_and_all_live_ones() -> None:
    governing, winner = GoverningPolicies(), cast("GoverningPolicy", object())
    governing._known |= dict.fromkeys(range(2 * MAX_GONE), winner)
    governing.keep_only({0, 1})
    assert governing.of(0) is winner
    assert governing.of(2 * MAX_GONE - 1) is winner
    assert governing.of(2) is None
    assert len(governing._known) == MAX_GONE + 2
