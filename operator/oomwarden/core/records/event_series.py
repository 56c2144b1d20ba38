"""One Event for many kills. Its series has an absolute count, so a repeated write is harmless."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.objects.json_parts import Manifest

_NAME_MAX = 253
_FEWEST = 2
"""Smallest count of a series (kubernetes pkg/apis/core/validation/events.go, v1.37)."""


class EventSeries(Struct, frozen=True):
    """An Event and the kills that it covers.

    Attributes:
        first: The Event as it is created.
        latest: The Event of the last record that was added.
        count: Number of kills.
        posted_count: Number of kills that were posted; 0 if the Event does not exist yet.
    """

    first: Manifest
    latest: Manifest
    count: int
    posted_count: int = 0

    @property
    def last_observed(self) -> float:
        """Wall-clock seconds of the last kill."""
        return datetime.fromisoformat(self.latest["eventTime"]).timestamp()

    def with_kills(self, event: Manifest, kills: int) -> "EventSeries":
        """Return the series with a later record added."""
        return replace(self, latest=event, count=self.count + kills)

    def restarted(self) -> "EventSeries":
        """Return a new Event, named like the last record; the API server has deleted this one."""
        return EventSeries(self.latest, self.latest, self.count - self.posted_count)

    def with_salt(self, salt: str) -> "EventSeries":
        """Return a new Event with another name, which ends with `salt`."""
        metadata = self.first["metadata"]
        name = f"{metadata['name'][: _NAME_MAX - len(salt) - 1].rstrip('-.')}-{salt}"
        first = {**self.first, "metadata": {**metadata, "name": name}}
        return EventSeries(first, self.latest, self.count - self.posted_count)

    def manifest(self) -> Manifest:
        """Return the Event to create."""
        return {**self.first, **self.patch()}

    def patch(self) -> Manifest:
        """Return the patch of an existing Event; empty if it covers only one kill.

        In events.k8s.io/v1, only the series can change (validation/events.go,
        ValidateEventUpdate).
        """
        if self.count < _FEWEST:
            return {}
        return {"series": {"count": self.count, "lastObservedTime": self.latest["eventTime"]}}
