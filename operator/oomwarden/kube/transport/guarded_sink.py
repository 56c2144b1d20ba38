"""A sink that takes whatever the API server tells: an object that it cannot take is passed over."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from lightkube.core.resource import api_info

from oomwarden.core.objects.passed_over import (
    UnreadableObject,
    UnreadableObjects,
    error_words,
    name_of,
)
from oomwarden.kube.transport.resources import Resource

_LOG = logging.getLogger(__name__)


class EventHandler(Protocol):
    """Takes what a resource holds; called from the loop, so it does not wait."""

    def replace(self, objects: list[Any]) -> None:
        """Forget everything, take these: what the source keeps of the objects."""

    def apply(self, manifest: dict[str, Any]) -> None:
        """Take a new or changed object."""

    def delete(self, manifest: dict[str, Any]) -> None:
        """Forget an object; this is its last state."""


@dataclass(frozen=True, slots=True)
class GuardedHandler:
    """Raises nothing: objects are what tenants write, and none may keep the others waiting."""

    sink: EventHandler
    kind: str
    passed_over: UnreadableObjects

    def replace(self, objects: list[Any], unread: Iterable[UnreadableObject] = ()) -> None:
        """Hand on a list; where the sink cannot take it, one by one, without what it cannot."""
        self.passed_over.clear_all(self.kind)
        for each in unread:
            self._note(each.manifest, each.why)
        try:
            self.sink.replace(objects)
        except Exception:  # noqa: BLE001 - whose fault it is shows one by one
            self.sink.replace([])
            for each in objects:
                self._hand_on(self.sink.apply, each)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Hand on a new or changed object."""
        self._hand_on(self.sink.apply, manifest)

    def delete(self, manifest: dict[str, Any]) -> None:
        """Hand on that an object is gone, and with it what was wrong with it."""
        self._hand_on(self.sink.delete, manifest)
        self.passed_over.clear(self.kind, manifest)

    def _hand_on(self, take: Callable[[dict[str, Any]], None], manifest: dict[str, Any]) -> None:
        self.passed_over.clear(self.kind, manifest)
        try:
            take(manifest)
        except Exception as error:  # noqa: BLE001 - whatever an object makes a sink raise
            self._note(manifest, error_words(error))

    def _note(self, manifest: dict[str, Any], why: str) -> None:
        if self.passed_over.note(self.kind, manifest, why):
            _LOG.warning("%s is passed over: %s", name_of(self.kind, manifest), why)


def guarded(
    sink: EventHandler, resource: Resource, passed_over: UnreadableObjects | None = None
) -> GuardedHandler:
    """Guard a sink, once. What is passed over is held in `passed_over`, where one is given."""
    if isinstance(sink, GuardedHandler):
        return sink
    return GuardedHandler(
        sink, api_info(resource).resource.kind, passed_over or UnreadableObjects()
    )
