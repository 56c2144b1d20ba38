"""What is normal: up and down, rise and then level, flat."""

from oomwarden.core.model.quantity import rounded_bytes as amount
from oomwarden.core.usage_pattern.growth import development
from oomwarden.core.usage_pattern.median import median
from oomwarden.core.usage_pattern.shape import MIN_FALLS, SeriesShape
from oomwarden.core.usage_pattern.trend import concordance, slope
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict
from oomwarden.core.usage_pattern.words import span

MIN_SECONDS = 60
"""Shorter series have no pattern but Spike."""
_FLAT = 0.2
"""Fraction of the usage within which a flat series stays."""
_FLAT_INSIDE = 0.25
_FLAT_TREND = 0.1
_OUTLIERS = 0.05
_START_RISE = 0.15
_LEVEL = 0.15
"""Fraction of the rise that the last third of the time may add."""
_LEVELLING = 0.45
_NEAR_LIMIT = 0.95
_ERRORS = 3.0


def sawtooth(shape: SeriesShape) -> Verdict | None:
    """Return the verdict if usage goes up and down above a floor that does not rise."""
    if not shape.is_swinging:
        return None
    low = median(value for _, value in shape.troughs or [(0.0, shape.bottom)])
    high = median(value for _, value in shape.peaks)
    first, last = shape.first_and_last
    floor = (
        f"; its floor rose from {amount(first)} to {amount(last)}, not steadily"
        if shape.is_rising
        else "; its floor does not rise"
    )
    return Verdict(
        Pattern.SAWTOOTH,
        f"fell {len(shape.peaks)} times in {span(shape.seconds)}, from about {amount(high)} to "
        f"about {amount(low)}{floor}",
    )


def up_and_down(shape: SeriesShape) -> Verdict | None:
    """Return Sawtooth if usage fell twice, and no other rule fits."""
    if len(shape.peaks) < MIN_FALLS - 1:
        return None
    return Verdict(
        Pattern.SAWTOOTH,
        f"fell {len(shape.peaks)} times in {span(shape.seconds)}, between {amount(shape.bottom)} "
        f"and {amount(shape.top)}",
    )


def startup(shape: SeriesShape) -> Verdict | None:
    """Return the verdict if usage rose and then stayed level, or levels off."""
    start = min(value for _, value in shape.middles[: max(len(shape.middles) // 10, 1)])
    end = [each for each in shape.middles if each[0] >= shape.seconds * 2 / 3]
    level = median(value for _, value in end)
    rise = level - start
    if shape.seconds < MIN_SECONDS or rise <= max(_START_RISE * level, 6 * shape.deviation):
        return None
    added = slope(end) * shape.seconds / 3
    is_level = abs(added) <= max(_LEVEL * rise, _ERRORS * shape.deviation)
    rates = development(shape.middles)
    is_levelling = shape.tau > 0 and 0 <= rates.late < _LEVELLING * rates.early
    if not (is_level or is_levelling) or _fell_back(shape, level, rise):
        return None
    words = f"rose from {amount(start)} to {amount(level)}"
    if not is_level:
        return Verdict(Pattern.STARTUP, f"{words} and levels off{_at_limit(shape, level)}")
    reached = _reached(shape, start + (1 - _LEVEL) * rise)
    return Verdict(
        Pattern.STARTUP,
        f"{words} in {span(reached)}, and has stayed about there for "
        f"{span(shape.seconds - reached)}{_at_limit(shape, level)}",
    )


def _fell_back(shape: SeriesShape, level: float, rise: float) -> bool:
    return any(each.low < level - rise / 2 for each in shape.buckets if each.at > shape.seconds / 2)


def _reached(shape: SeriesShape, level: float) -> float:
    return next((at for at, value in shape.middles if value >= level), 0.0)


def _at_limit(shape: SeriesShape, level: float) -> str:
    if not shape.limit or level < _NEAR_LIMIT * shape.limit:
        return ""
    return (
        f", at the limit of {amount(shape.limit)}: page cache fills it and is reclaimed there, "
        "which is normal"
    )


def steady(shape: SeriesShape) -> Verdict | None:
    """Return the verdict if usage hardly changes, or goes up and down without a trend."""
    ordered = sorted(value for _, value in shape.middles)
    cut = int(len(ordered) * _OUTLIERS)
    low, high = ordered[cut], ordered[-1 - cut]
    inside = median(each.high - each.low for each in shape.buckets)
    trend = abs(shape.growth) * shape.seconds
    if shape.seconds < MIN_SECONDS or trend > max(_FLAT_TREND * shape.level, (high - low) / 2):
        return None
    if max(high - low, inside * _FLAT / _FLAT_INSIDE) <= _FLAT * shape.level:
        about = f"stayed between {amount(low)} and {amount(high)} for {span(shape.seconds)}"
        return Verdict(Pattern.STEADY, about + _at_limit(shape, shape.level))
    return _uneven(shape, low, high)


def _uneven(shape: SeriesShape, low: float, high: float) -> Verdict | None:
    """Return Sawtooth for readings that go up and down faster than they were taken."""
    if not shape.peaks and concordance(shape.middles) > _FLAT:
        return None
    return Verdict(
        Pattern.SAWTOOTH,
        f"went up and down between {amount(low)} and {amount(high)} for {span(shape.seconds)}, "
        "without a trend",
    )
