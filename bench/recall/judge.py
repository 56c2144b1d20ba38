"""How a reporter did on known kills: found, wrongly placed, told twice, how late."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import quantiles

from bench.recall.truth import Kill, Place


@dataclass(frozen=True, slots=True)
class Report:
    """So many kills in one container, told at a moment of the same clock as the kills.

    `container` None: the reporter names the pod alone. `merged`: part of a report of
    several, or held back by intention.
    """

    pod: str
    container: str | None
    at: float
    kills: int = 1
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of kills. `latencies` in seconds, of those that were told one by one."""

    true: int
    found: int
    wrong: int
    twice: int
    latencies: tuple[float, ...] = ()

    @property
    def recall(self) -> float:
        """Percent of the kills that were told of the right container."""
        return 100 * self.found / self.true if self.true else 100.0

    @property
    def p50(self) -> float | None:
        """Median latency in seconds; None: nothing was told one by one."""
        return _percentile(self.latencies, 50)

    @property
    def p99(self) -> float | None:
        """Latency in seconds that 99 of 100 do not exceed: the largest one of fewer."""
        return _percentile(self.latencies, 99)


def judge(truth: Sequence[Kill], reports: Sequence[Report]) -> Score:
    """Hold the reports of one reporter against what happened; the order of neither matters."""
    happened: defaultdict[Place, list[float]] = defaultdict(list)
    for kill in sorted(truth, key=lambda one: one.at):
        happened[kill.place].append(kill.at)
    told: defaultdict[Place, list[Report]] = defaultdict(list)
    for report, place in _placed(reports, happened):
        told[place].append(report)
    found = wrong = twice = 0
    latencies: list[float] = []
    for place, those in told.items():
        number, true = sum(report.kills for report in those), len(happened.get(place, ()))
        found += min(number, true)
        twice += max(number - true, 0) if true else 0
        wrong += 0 if true else number
        latencies += _latencies(happened.get(place, []), those)
    return Score(len(truth), found, wrong, twice, tuple(latencies))


def _placed(
    reports: Sequence[Report], happened: dict[Place, list[float]]
) -> list[tuple[Report, Place]]:
    """Give each report a container; one without goes where its pod has kills that nobody told."""
    exact = [(one, Place(one.pod, one.container)) for one in reports if one.container is not None]
    used = Counter(dict.fromkeys(happened, 0))
    for report, place in exact:
        used[place] += report.kills
    for report in _one_by_one(reports):
        own = [place for place in happened if place.pod == report.pod]
        free = [place for place in own if used[place] < len(happened[place])]
        place = (free or own or [Place(report.pod, "")])[0]
        used[place] += 1
        exact.append((report, place))
    return exact


def _one_by_one(reports: Sequence[Report]) -> list[Report]:
    """Take reports of a pod alone apart: their kills may be of several containers."""
    vague = sorted((one for one in reports if one.container is None), key=lambda one: one.at)
    return [replace(one, kills=1, merged=one.kills > 1) for one in vague for _ in range(one.kills)]


def _latencies(moments: Sequence[float], reports: Sequence[Report]) -> list[float]:
    """A report of several kills is late for all but the last of them, by intention: left out."""
    found: list[float] = []
    index = 0
    for report in sorted(reports, key=lambda one: one.at):
        if report.kills == 1 and not report.merged and index < len(moments):
            found.append(report.at - moments[index])
        index += report.kills
    return found


def _percentile(values: Sequence[float], percent: int) -> float | None:
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
