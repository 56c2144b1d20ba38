"""How a reporter did on known kills: found, wrongly placed, told twice, how late."""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from bench.recall.truth import Kill, Place

CLOCK_SLACK_SECONDS = 1.0
"""A report cannot be of a kill that is yet to come; two clocks may differ so much."""
Moments = deque[float | None]


@dataclass(frozen=True, slots=True)
class Report:
    """So many kills in one container, told at a moment of the same clock as the kills.

    `container` is an id or a name; None: the reporter names the pod alone. `merged`: held back by
    intention. `name` is what the reporter calls the container beside its id.
    """

    pod: str
    container: str | None
    at: float
    kills: int = 1
    merged: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of kills. `latencies` in seconds, of those that were told one by one.

    `vague` are those of `found` whose pod was told, and not the container.
    """

    true: int
    found: int
    wrong: int
    twice: int
    latencies: tuple[float, ...] = ()
    vague: int = 0

    @property
    def recall(self) -> float | None:
        """Percent of the kills that were told of the right pod; None: nothing was killed."""
        return 100 * self.found / self.true if self.true else None

    @property
    def p50(self) -> float | None:
        """Median latency in seconds; None: nothing was told one by one."""
        return _percentile(self.latencies, 50)

    @property
    def p99(self) -> float | None:
        """Latency in seconds that 99 of 100 do not exceed: about the largest one of fewer."""
        return _percentile(self.latencies, 99)


def judge(truth: Sequence[Kill], reports: Sequence[Report]) -> Score:
    """Hold the reports of one reporter against what happened; the order of neither matters.

    A report tells of the earliest kill of its container that happened before it and is untold;
    where there is none, it was told twice, or nothing was ever killed there.
    """
    untold = _moments(truth)
    tally: Counter[str] = Counter()
    late: defaultdict[Place, list[float]] = defaultdict(list)
    for report in sorted(reports, key=lambda one: (one.container is None, one.at)):
        own = _places(untold, report)
        for _ in range(report.kills):
            place = _earliest(untold, own, report.at + CLOCK_SLACK_SECONDS)
            if place is None:
                tally["twice" if own else "wrong"] += 1
                continue
            at = untold[place].popleft()
            tally["found"] += 1
            tally["vague"] += report.container is None
            if at is not None and report.kills == 1 and not report.merged:
                late[place].append(report.at - at)
    # Where a kill went untold, nobody knows which of them the others were.
    latencies = tuple(one for place, those in late.items() if not untold[place] for one in those)
    return Score(
        len(truth), tally["found"], tally["wrong"], tally["twice"], latencies, tally["vague"]
    )


def _moments(truth: Sequence[Kill]) -> dict[Place, Moments]:
    found: defaultdict[Place, Moments] = defaultdict(deque)
    for kill in sorted(truth, key=lambda one: (one.at is not None, one.at or 0.0)):
        found[kill.place].append(kill.at)
    return dict(found)


def _places(untold: Mapping[Place, Moments], report: Report) -> list[Place]:
    """Give the containers with kills, told or not, that a report may speak of."""
    if report.container is None:
        return [place for place in untold if place.pod == report.pod]
    exact = Place(report.pod, report.container)
    return [exact] if exact in untold else []


def _earliest(untold: Mapping[Place, Moments], own: Sequence[Place], before: float) -> Place | None:
    """Choose the place of the earliest untold kill; one without a moment may be any time."""
    heads = [
        (-1e18 if head is None else head, place.container, place)
        for place in own
        for head in list(untold[place])[:1]
        if head is None or head <= before
    ]
    return min(heads, key=lambda one: one[:2])[2] if heads else None


def _percentile(values: Sequence[float], percent: int) -> float | None:
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
