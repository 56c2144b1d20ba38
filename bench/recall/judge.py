"""Score a reporter on known kills: found, wrongly attributed, duplicated, and how late."""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from bench.recall.truth import Kill, Place

CLOCK_SLACK_SECONDS = 1.0
"""A report cannot precede its kill by more than two clocks may differ."""
Moments = deque[float | None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a reporter reported about one container.

    Attributes:
        pod: The pod's UID.
        container: An ID or a name; None: the reporter names only the pod.
        at: When it was reported, in seconds of the same clock as the kills.
        kills: How many kills it reports.
        merged: Whether the report was deferred on purpose.
        name: The container's name, if it is reported beside the ID.
    """

    pod: str
    container: str | None
    at: float
    kills: int = 1
    merged: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A reporter's score; counts are of kills.

    Attributes:
        true: Kills that happened.
        found: Those that were reported for the right pod or container.
        wrong: Reported kills that did not happen.
        twice: Duplicates.
        latencies: Seconds, of kills that were reported one by one.
        vague: Those of `found` that were reported for the pod, not the container.
    """

    true: int
    found: int
    wrong: int
    twice: int
    latencies: tuple[float, ...] = ()
    vague: int = 0

    @property
    def recall(self) -> float | None:
        """Percent of the kills that were found; None: there were none."""
        return 100 * self.found / self.true if self.true else None

    @property
    def p50(self) -> float | None:
        """Median latency in seconds; None: no kill was reported one by one."""
        return _percentile(self.latencies, 50)

    @property
    def p99(self) -> float | None:
        """99th percentile of the latency in seconds; near the maximum of fewer than 100 kills."""
        return _percentile(self.latencies, 99)


def judge(truth: Sequence[Kill], reports: Sequence[Report]) -> Score:
    """Score the reports of one reporter; the order of kills and reports does not matter.

    A report counts for the earliest unreported kill of its container that happened before it. If
    there is none, it is a duplicate, or wrong if the container had no kill at all.
    """
    unreported = _moments(truth)
    tally: Counter[str] = Counter()
    late: defaultdict[Place, list[float]] = defaultdict(list)
    for report in sorted(reports, key=lambda one: (one.container is None, one.at)):
        own = _places(unreported, report)
        for _ in range(report.kills):
            place = _earliest(unreported, own, report.at + CLOCK_SLACK_SECONDS)
            if place is None:
                tally["twice" if own else "wrong"] += 1
                continue
            at = unreported[place].popleft()
            tally["found"] += 1
            tally["vague"] += report.container is None
            if at is not None and report.kills == 1 and not report.merged:
                late[place].append(report.at - at)
    # If a kill of a container is unreported, it is unknown which of its kills were reported.
    latencies = tuple(
        one for place, those in late.items() if not unreported[place] for one in those
    )
    return Score(
        len(truth), tally["found"], tally["wrong"], tally["twice"], latencies, tally["vague"]
    )


def _moments(truth: Sequence[Kill]) -> dict[Place, Moments]:
    found: defaultdict[Place, Moments] = defaultdict(deque)
    for kill in sorted(truth, key=lambda one: (one.at is not None, one.at or 0.0)):
        found[kill.place].append(kill.at)
    return dict(found)


def _places(unreported: Mapping[Place, Moments], report: Report) -> list[Place]:
    """Return the containers with kills, reported or not, that a report may be about."""
    if report.container is None:
        return [place for place in unreported if place.pod == report.pod]
    exact = Place(report.pod, report.container)
    return [exact] if exact in unreported else []


def _earliest(
    unreported: Mapping[Place, Moments], own: Sequence[Place], before: float
) -> Place | None:
    """Return the place of the earliest unreported kill; one without a time matches any report."""
    heads = [
        (-1e18 if head is None else head, place.container, place)
        for place in own
        for head in list(unreported[place])[:1]
        if head is None or head <= before
    ]
    return min(heads, key=lambda one: one[:2])[2] if heads else None


def _percentile(values: Sequence[float], percent: int) -> float | None:
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
