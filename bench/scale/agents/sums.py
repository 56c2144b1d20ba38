"""From two states to figures per node: pure sums."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Figures = dict[str, Any]
_MINUTE = 60.0
_MILLI = 1000.0


class Span(NamedTuple):
    """The states of fleet and server before and after something.

    Attributes:
        nodes: How many agents there are.
        seconds: How long it took.
        before: The state before.
        after: The state after.
        idle: CPU seconds that the API server takes each second without agents.
    """

    nodes: int
    seconds: float
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    idle: float = 0.0

    def rise(self, key: str) -> float:
        """Return by how much a number rose."""
        return float(self.after[key]) - float(self.before[key])

    def rises(self, key: str) -> dict[str, float]:
        """Return by how much the numbers of a mapping rose, without those that did not."""
        before, after = self.before[key], self.after[key]
        found = {name: after[name] - before.get(name, 0) for name in sorted(after)}
        return {name: number for name, number in found.items() if number}


def figures(span: Span, *, minutely: bool = False) -> Figures:
    """Return what a node cost, in total or for each minute.

    Args:
        span: What was measured.
        minutely: Divide by the minutes, too.
    """
    share = 1 / span.nodes / (span.seconds / _MINUTE if minutely else 1)
    requests, server = span.rises("requests"), span.rise("server_cpu") - span.idle * span.seconds
    return {
        "nodes": span.nodes,
        "seconds": span.seconds,
        "requests": sum(requests.values()) * share,
        "requests_by_name": {name: number * share for name, number in requests.items()},
        "bodies_by_name": {n: number * share for n, number in span.rises("bodies").items()},
        "sent_bytes": span.rise("sent") * share,
        "received_bytes": span.rise("received") * share,
        "connections": span.rise("connections") * share,
        "watch_events": span.rise("watch_events") * share,
        "server_cpu_ms": max(server, 0.0) * _MILLI * share,
        "etcd_cpu_ms": span.rise("etcd_cpu") * _MILLI * share,
        "peak_requests_a_second": peak(span.after["by_second"]),
        "slowest_response_seconds": span.after["slowest"],
        "refused": span.rises("refused"),
        "lost": span.rise("lost"),
        "watches": span.after["watches"] / span.nodes,
        "open_connections": span.after["open"] / span.nodes,
        "server_mebibytes": span.after["server_mebibytes"],
    }


def peak(by_second: Mapping[str, int]) -> int:
    """Return the largest number of requests in a second."""
    return max(by_second.values(), default=0)


def spread_of(by_second: Mapping[str, int], share: float = 0.9) -> int:
    """Return the shortest time, in seconds, within which a share of the requests was sent."""
    if not by_second:
        return 0
    numbers = {int(second): count for second, count in by_second.items()}
    first, last = min(numbers), max(numbers)
    line = [numbers.get(second, 0) for second in range(first, last + 1)]
    wanted, start, inside, best = share * sum(line), 0, 0, len(line)
    for end, count in enumerate(line):
        inside += count
        while inside - line[start] >= wanted:
            inside -= line[start]
            start += 1
        if inside >= wanted:
            best = min(best, end - start + 1)
    return best


def flatness(values: Sequence[float]) -> float:
    """Return the greatest value in relation to the least: 1.0 is flat."""
    least, greatest = min(values), max(values)
    if least == greatest:
        return 1.0
    return greatest / least if least else float("inf")
