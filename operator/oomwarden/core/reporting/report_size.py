"""Keeps OOMNode far below etcd's size limit, however many policies there are.

What does not fit is counted: containers in `refused` and `warned`, policies in `policiesLeftOut`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import structs
from msgspec.json import encode as json_text

from oomwarden.api.codec.codec import encode
from oomwarden.api.oomnode import PolicyReport, Refusal

MAX_BYTES = 384 * 1024
"""For all reports together. etcd accepts 1.5 MiB (its --max-request-bytes), and the operator keeps
the reports of all nodes in memory."""
_ESCAPED = (b"<", b">", b"&")
"""The API server stores each as six bytes (Go encoding/json, HTMLEscape)."""


def fit_reports(
    found: Sequence[PolicyReport], most: int = MAX_BYTES
) -> tuple[tuple[PolicyReport, ...], int]:
    """Return the reports that fit into `most` bytes, and the number of policies left out.

    The counts of all policies come first, and then, in turn for each policy, its messages. Cluster
    policies come first, and no namespace takes the room of another. The order of `found` is kept.
    """
    if sum(map(_size, found)) <= most:
        return tuple(found), 0
    kept: list[PolicyReport] = []
    for report in _in_turn(found):
        size = _size(_bare(report))
        if size > most:
            break
        most -= size
        kept.append(report)
    messages = _messages(kept, most)
    places = {
        id(report): structs.replace(_bare(report), **messages[at]) for at, report in enumerate(kept)
    }
    fitting = tuple(places[id(report)] for report in found if id(report) in places)
    return fitting, len(found) - len(fitting)


def _in_turn(found: Iterable[PolicyReport]) -> list[PolicyReport]:
    """Return the first policy of each namespace before the second of any."""
    seen: Counter[str] = Counter()
    turns: list[tuple[int, PolicyReport]] = []
    for report in found:
        seen[report.namespace or ""] += 1
        turns.append((seen[report.namespace] if report.namespace else 0, report))
    return [report for _, report in sorted(turns, key=lambda turn: turn[0])]


def _messages(kept: Sequence[PolicyReport], room: int) -> list[dict[str, tuple[Refusal, ...]]]:
    """Choose the messages of each policy: the first of each, then the second of each."""
    messages: list[dict[str, tuple[Refusal, ...]]] = [{} for _ in kept]
    wanted = (
        (nth, at, field, each)
        for at, report in enumerate(kept)
        for field, all_of in (("warnings", report.warnings), ("refusals", report.refusals))
        for nth, each in enumerate(all_of)
    )
    for _, at, field, each in sorted(wanted, key=lambda one: one[0]):
        room -= _size(each)
        if room < 0:
            break
        messages[at][field] = (*messages[at].get(field, ()), each)
    return messages


def _bare(report: PolicyReport) -> PolicyReport:
    return structs.replace(report, refusals=(), warnings=())


def _size(part: PolicyReport | Refusal) -> int:
    """Return the size in an object, in bytes, including the comma after it."""
    text = json_text(encode(part))
    return len(text) + 1 + 5 * sum(map(text.count, _ESCAPED))
