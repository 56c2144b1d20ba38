"""A scan that overrides scores which processes gave themselves: they are saved in between."""

import logging
import sqlite3
from dataclasses import replace

from oomwarden.agent.baselines.own_scores import OwnScoreBaselines
from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.scanner import Scanner, ScanResult
from oomwarden.agent.enforcement.tracked import TrackedContainer

_LOG = logging.getLogger(__name__)


async def carry_out(
    scans: Scanner, charge: TrackedContainer, caps: Caps, own: OwnScoreBaselines
) -> ScanResult:
    """Scan a container, and once more where the first scan has found what had to be saved."""
    found = await _scan(scans, charge, caps, own)
    first = found[0]
    if first is None or not first.unsaved or not await _is_saved(own):
        return found
    outcome, trouble = await _scan(scans, charge, caps, own)
    if outcome is None:
        return first, trouble
    return replace(outcome, changed=first.changed + outcome.changed), trouble


async def _scan(
    scans: Scanner, charge: TrackedContainer, caps: Caps, own: OwnScoreBaselines
) -> ScanResult:
    if charge.plan is None:
        return None, None
    container = charge.container
    order = replace(charge.plan, most=caps.room(), own=own.saved(container))
    charge.plan = replace(charge.plan, fresh=frozenset())  # from now on such a score may be ours
    outcome, trouble = await scans.apply_plan(charge, order)
    if outcome is not None:
        caps.spend(outcome.changed)
        if outcome.to_keep is not None:
            own.put(container, outcome.to_keep)
    return outcome, trouble


async def _is_saved(own: OwnScoreBaselines) -> bool:
    try:
        await own.save()
    except sqlite3.Error as error:
        _LOG.warning("processes' own scores are not saved, and not written over: %s", error)
        return False
    return True
