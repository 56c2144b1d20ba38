"""Which records a person asks for."""

from datetime import datetime

from msgspec import Struct

from oomwarden.core.history.kill_record import KillRecord


class RecordFilter(Struct, frozen=True):
    """Every part that is given has to fit; names and kinds are compared without case.

    Attributes:
        owner: A workload's name, or its kind and name as kind/name.
        since: Only kills that were found at this time or later.
    """

    pod: str | None = None
    owner: str | None = None
    node: str | None = None
    cause: str | None = None
    since: datetime | None = None

    def accepts(self, record: KillRecord) -> bool:
        """Return whether a record fits."""
        return (
            (self.pod is None or record.pod == self.pod)
            and (self.node is None or record.node == self.node)
            and (self.cause is None or record.cause.lower() == self.cause.lower())
            and (self.owner is None or _is_owner(self.owner, record))
            and (self.since is None or (record.found is not None and record.found >= self.since))
        )


def _is_owner(wanted: str, record: KillRecord) -> bool:
    kind, _, name = record.workload.lower().partition("/")
    return wanted.lower() in {name, f"{kind}/{name}"}


def newest_first(records: list[KillRecord]) -> list[KillRecord]:
    """Return the records by the time when the kill was found; those without come last."""

    def recency(record: KillRecord) -> tuple[float, str]:
        return record.found.timestamp() if record.found else 0.0, record.name

    return sorted(records, key=recency, reverse=True)
