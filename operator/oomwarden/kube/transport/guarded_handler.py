"""An event handler that survives all objects: those that it cannot handle are passed over."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from msgspec import Struct

from oomwarden.core.log_line.keys import UNREADABLE, about_object
from oomwarden.core.objects.unreadable import (
    UnreadableObject,
    UnreadableObjects,
    describe_error,
    display_name,
)
from oomwarden.kube.transport.resources import Resource

_LOG = logging.getLogger(__name__)


class EventHandler(Protocol):
    """Handles the events of one resource. It is called from the event loop and must not block."""

    def replace(self, objects: list[Any]) -> None:
        """Replace all objects by those of a list, as the lister-watcher transformed them."""

    def apply(self, manifest: dict[str, Any]) -> None:
        """Add or update an object."""

    def delete(self, manifest: dict[str, Any]) -> None:
        """Remove an object, given in its last state."""


class GuardedHandler(Struct, frozen=True):
    """Wraps a handler and never raises, since objects of tenants must not block others.

    Attributes:
        handler: The wrapped handler.
        kind: Kind of the objects.
        passed_over: The objects that the handler could not handle.
    """

    handler: EventHandler
    kind: str
    passed_over: UnreadableObjects

    def replace(self, objects: list[Any], unread: Iterable[UnreadableObject] = ()) -> None:
        """Pass on a list. If the handler fails, pass on the objects one by one."""
        self.passed_over.discard_kind(self.kind)
        for each in unread:
            self._note(each.manifest, each.why)
        try:
            self.handler.replace(objects)
        except Exception:  # noqa: BLE001 - passing them one by one shows which one fails
            self.handler.replace([])
            for each in objects:
                self._pass_on(self.handler.apply, each)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Pass on a new or changed object."""
        self._pass_on(self.handler.apply, manifest)

    def delete(self, manifest: dict[str, Any]) -> None:
        """Pass on a deletion, and forget that the object was passed over."""
        self._pass_on(self.handler.delete, manifest)
        self.passed_over.discard(self.kind, manifest)

    def _pass_on(self, handle: Callable[[dict[str, Any]], None], manifest: dict[str, Any]) -> None:
        self.passed_over.discard(self.kind, manifest)
        try:
            handle(manifest)
        except Exception as error:  # noqa: BLE001 - an object may cause any error
            self._note(manifest, describe_error(error))

    def _note(self, manifest: dict[str, Any], why: str) -> None:
        if self.passed_over.add(self.kind, manifest, why):
            _LOG.warning(
                "%s is passed over: %s",
                display_name(self.kind, manifest),
                why,
                extra=about_object(self.kind, manifest, reason=UNREADABLE, error=why),
            )


def guard(
    handler: EventHandler, resource: Resource, passed_over: UnreadableObjects | None = None
) -> GuardedHandler:
    """Wrap a handler unless it is already wrapped.

    Args:
        handler: The handler.
        resource: The resource whose events it handles.
        passed_over: Where to record objects that are passed over.
    """
    if isinstance(handler, GuardedHandler):
        return handler
    return GuardedHandler(handler, resource.kind, passed_over or UnreadableObjects())
