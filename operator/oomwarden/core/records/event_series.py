"""One Event for many kills: its series is raised to an absolute count, so that twice is once."""

from dataclasses import dataclass, replace
from datetime import datetime

from oomwarden.core.records.oomkill import Manifest

_NAME_MAX = 253
_FEWEST = 2
"""Smallest count of a series (kubernetes pkg/apis/core/validation/events.go, v1.37)."""


@dataclass(frozen=True, slots=True)
class EventSeries:
    """An Event and the kills that it stands for.

    `first` is the Event as it is created, `latest` that of the record that raised it last. Of
    `count` kills the API server was told `posted_count`; 0: the Event is not there yet.
    """

    first: Manifest
    latest: Manifest
    count: int
    posted_count: int = 0

    @property
    def seen(self) -> float:
        """Wall-clock seconds of the last kill."""
        return datetime.fromisoformat(self.latest["eventTime"]).timestamp()

    def raised(self, event: Manifest, kills: int) -> "EventSeries":
        """Let the Event stand for a later record too."""
        return replace(self, latest=event, count=self.count + kills)

    def renewed(self) -> "EventSeries":
        """Begin a new Event, named like the last record, as the API server has forgotten this."""
        return EventSeries(self.latest, self.latest, self.count - self.posted_count)

    def under(self, salt: str) -> "EventSeries":
        """Begin a new Event under another name that ends with `salt`."""
        metadata = self.first["metadata"]
        name = f"{metadata['name'][: _NAME_MAX - len(salt) - 1].rstrip('-.')}-{salt}"
        first = {**self.first, "metadata": {**metadata, "name": name}}
        return EventSeries(first, self.latest, self.count - self.posted_count)

    def manifest(self) -> Manifest:
        """Give the Event to create."""
        return {**self.first, **self.patch()}

    def patch(self) -> Manifest:
        """Give the change of an Event that exists; empty where it stands for one kill.

        events.k8s.io/v1 lets nothing but the series change (validation/events.go,
        ValidateEventUpdate).
        """
        if self.count < _FEWEST:
            return {}
        return {"series": {"count": self.count, "lastObservedTime": self.latest["eventTime"]}}
