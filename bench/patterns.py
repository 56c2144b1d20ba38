"""The classifier's errors: generated series, true pattern by verdict, and recorded ones.

Needs no cluster and no chance: the seed is fixed.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint

from bench import usage_series
from bench.figures import spread, table
from bench.usage_series import HOUR, MIB, Curve

SERIES = 200
"""Series of each kind and length."""
HOURS = (0.5, 1, 2, 4, 12)
NORMAL: dict[str, Callable[[float, random.Random], Curve]] = {
    "Sawtooth": usage_series.sawtooth,
    "Steady": usage_series.steady,
    "Startup": usage_series.startup,
    "Spike": usage_series.spike,
    "filling cache": usage_series.filling_cache,
    "wandering load": usage_series.wandering,
    "jobs": usage_series.jobs,
}
HARD: dict[str, Callable[[float, random.Random], Curve]] = {
    "slow start": usage_series.slow_start,
    "long memory": usage_series.long_memory,
    "slow sawtooth": usage_series.slow_saw,
    "logarithmic": usage_series.logarithmic,
    "bursts": usage_series.bursts,
    "daily wave": usage_series.daily,
}
"""Normal, too, but no window of this length shows it for sure."""
KINDS = {"Leak": usage_series.leak, **NORMAL}
RECORDED = Path(__file__).resolve().parent.parent / "tests/core/usage_pattern/data"
Counts = dict[tuple[str, float], Counter[Pattern]]


def main() -> None:
    """Print the error table."""
    seconds: list[float] = []
    counts = {
        (kind, hours): count(kind, hours, seconds, SERIES) for kind in KINDS for hours in HOURS
    }
    print_table(counts)
    table(
        "Rates by length of the series", [(f"{hours:g} h", rates(counts, hours)) for hours in HOURS]
    )
    table("Normal series that may look like leaks, called Leak at 2, 4, 12, 24, 48 h", hard())
    table("Milliseconds for a series", [("CPU", spread([each * 1000 for each in seconds]))])
    table("Recorded programs, ten minutes that stand for ten hours", recorded())


def count(kind: str, hours: float, seconds: list[float], series: int) -> Counter[Pattern]:
    """Classify series of one kind and length, and note how long each took."""
    found: Counter[Pattern] = Counter()
    for number in range(series):
        points = generated(kind, hours * HOUR, number)
        began = time.process_time()
        found[classify(points).pattern] += 1
        seconds.append(time.process_time() - began)
    return found


def generated(kind: str, seconds: float, number: int) -> list[UsagePoint]:
    """Return a series; the same for the same arguments."""
    dice = random.Random(f"{kind} {seconds:g} {number}")  # noqa: S311 - a fixed seed
    curve = ({**KINDS, **HARD})[kind](seconds, dice)
    sampling = usage_series.any_sampling(seconds, dice)
    return usage_series.read(curve, sampling, dice.uniform(30, 2000) * MIB, dice)


def print_table(counts: Counts) -> None:
    """Print percentages of all lengths from 4 h on, and of those below 2 h."""
    for title, lengths in (("30 min and 1 h", (0.5, 1)), ("4 h and 12 h", (4, 12))):
        print(f"\nTrue pattern (rows) and verdict (columns) in percent, {title}")
        print(f"  {'':<16}" + "".join(f"{pattern:>10}" for pattern in Pattern))
        for kind in KINDS:
            total = sum((counts[kind, hours] for hours in lengths), Counter[Pattern]())
            shares = (total[pattern] / total.total() * 100 for pattern in Pattern)
            print(f"  {kind:<16}" + "".join(f"{share:10.1f}" for share in shares))


def rates(counts: Counts, hours: float) -> str:
    """Return how many leaks are found, and how many normal series are called one."""
    leaks = counts["Leak", hours]
    normal = sum((counts[kind, hours] for kind in NORMAL), Counter[Pattern]())
    return (
        f"leaks found {leaks[Pattern.LEAK] / leaks.total():6.1%}, "
        f"false leaks {normal[Pattern.LEAK] / normal.total():6.2%} (n={normal.total()})"
    )


def hard() -> list[tuple[str, str]]:
    """Return how many of the hard series are called a leak, by length."""
    return [(kind, "  ".join(_false(kind, each) for each in (2, 4, 12, 24, 48))) for kind in HARD]


def _false(kind: str, hours: float) -> str:
    found = count(kind, hours, [], SERIES)
    return f"{found[Pattern.LEAK] / found.total():6.1%}"


def recorded() -> list[tuple[str, str]]:
    """Return the verdict of each recorded program."""
    return [(path.stem, _verdict(path)) for path in sorted(RECORDED.glob("*.csv"))]


def _verdict(path: Path) -> str:
    verdict = classify(recorded_points(path))
    return f"{verdict.pattern}: {verdict.evidence}"


def recorded_points(path: Path) -> list[UsagePoint]:
    """Read a file of tools/record_usage.py."""
    lines = [line for line in path.read_text().splitlines() if line[:1].isdigit()]
    rows = (line.split(",") for line in lines)
    return [UsagePoint(float(at), int(usage)) for at, usage in rows]


if __name__ == "__main__":
    main()
