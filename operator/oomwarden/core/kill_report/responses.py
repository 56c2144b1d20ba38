"""What was done after the kills: limits raised, or why not, and by which policies."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from oomwarden.core.history.kill_record import KillRecord, bytes_at, text_at, time_at
from oomwarden.core.objects.json_parts import object_at

RAISED = "RaisedLimit"
MAX_RESPONSES = 12


class KillResponse(Struct, frozen=True):
    """The operator's response to one kill, from the record's status.

    Attributes:
        action: RaisedLimit or None.
        reason: A CamelCase word.
        message: The reason and the remedy, for people.
        limit_before_bytes: The limit before; None if it was not raised.
        limit_bytes: The new limit; None if it was not raised.
    """

    namespace: str
    workload: str
    container: str | None
    record: str
    action: str
    reason: str
    message: str
    time: datetime | None
    limit_before_bytes: int | None
    limit_bytes: int | None

    @property
    def is_raise(self) -> bool:
        """Whether the limit was raised."""
        return self.action == RAISED


class ResponseSummary(Struct, frozen=True):
    """What was done.

    Attributes:
        raised: Kills after which a limit was raised.
        not_raised: Why it was not: kills by reason, most first.
        unanswered: Kills that no policy responds to.
        governed: Kills by policy that governed the container, as kind namespace/name, most first.
        latest: The latest responses, raises first.
    """

    raised: int
    not_raised: tuple[tuple[str, int], ...]
    unanswered: int
    governed: tuple[tuple[str, int], ...]
    latest: tuple[KillResponse, ...]


def response_to(record: KillRecord) -> KillResponse | None:
    """Return the response to a kill; None if there is none."""
    found = object_at(object_at(record.manifest, "status"), "response")
    if not found:
        return None
    return KillResponse(
        namespace=record.namespace,
        workload=record.workload,
        container=record.container,
        record=record.name,
        action=text_at(found, "action") or "None",
        reason=text_at(found, "reason") or "Unknown",
        message=text_at(found, "message") or "",
        time=time_at(found, "time"),
        limit_before_bytes=bytes_at(found, "limitBefore"),
        limit_bytes=bytes_at(found, "limit"),
    )


def summed_responses(records: Sequence[KillRecord]) -> ResponseSummary:
    """Return what was done after the kills of a period."""
    answered = [(each, found) for each in records if (found := response_to(each))]
    raised, refused, governed = 0, Counter[str](), Counter[str]()
    for record, response in answered:
        if response.is_raise:
            raised += record.kills
        else:
            refused[response.reason] += record.kills
    for record in records:
        if record.policy:
            governed[_policy(record)] += record.kills
    everything = sum(each.kills for each in records)
    return ResponseSummary(
        raised=raised,
        not_raised=tuple(_most_first(refused)),
        unanswered=everything - raised - sum(refused.values()),
        governed=tuple(_most_first(governed)),
        latest=_latest([response for _, response in answered]),
    )


def _policy(record: KillRecord) -> str:
    kind, name = record.policy or ("", "")
    return f"{kind} {name if kind.startswith('Cluster') else f'{record.namespace}/{name}'}"


def _most_first(counted: Counter[str]) -> Iterable[tuple[str, int]]:
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def _latest(responses: list[KillResponse]) -> tuple[KillResponse, ...]:
    """Return the latest raises, then the latest of each other reason and workload."""

    def recency(each: KillResponse) -> tuple[float, str]:
        return each.time.timestamp() if each.time else 0.0, each.record

    in_order = sorted(responses, key=recency, reverse=True)
    raises = [each for each in in_order if each.is_raise]
    others: dict[tuple[str, str, str], KillResponse] = {}
    for each in in_order:
        if not each.is_raise:
            others.setdefault((each.namespace, each.workload, each.reason), each)
    return (*raises, *others.values())[:MAX_RESPONSES]
