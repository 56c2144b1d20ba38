"""Raise a memory limit within the memory that its node has available."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from oomwarden.api.oomlimit import Step
from oomwarden.controller.limits.headroom import MemoryReservations, NodeHeadroom
from oomwarden.controller.limits.set_limits import ResizeCalls, set_limit
from oomwarden.core.limits.authorization import LimitWrite
from oomwarden.core.limits.raise_limit import NotRaised, Raise
from oomwarden.core.limits.resize_patch import explain_refusal
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import ApiError, classify_error

_REFUSED = {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}


@dataclass(frozen=True, slots=True)
class LimitRaiser:
    """Raises limits; memory is reserved first, so that no other kill gets it too.

    Attributes:
        calls: The API calls.
        now: Returns the current time.
        reservations: What was reserved of each node.
    """

    calls: ResizeCalls
    now: Callable[[], datetime]
    reservations: MemoryReservations = field(default_factory=MemoryReservations)

    async def raise_limit(
        self, wanted: Raise, found: ResizeTarget, headroom: NodeHeadroom | None
    ) -> Raise | NotRaised:
        """Raise a container's limit; `headroom` is None if the node's is unknown.

        Raises:
            kube.transport.errors.API_ERRORS: The limit was not raised, or the outcome is unknown.
        """
        node, size = found.context.node, wanted.limit - wanted.before
        if headroom:
            self.reservations.reserve(node, headroom, size)
        raised = False
        try:
            done = await self._raise(wanted, found)
            raised = isinstance(done, Raise)
        finally:
            if headroom and not raised:
                self.reservations.release(node, headroom, size)
        return done

    async def _raise(self, wanted: Raise, found: ResizeTarget) -> Raise | NotRaised:
        if found.context.pod is None or found.context.container is None:
            return NotRaised("ContainerUnknown", "The container is gone.")
        new = LimitWrite(wanted.limit, Step.RAISE, wanted.original)
        try:
            await set_limit(self.calls, found, new, self.now())
        except ApiError as error:
            if error.status.code not in _REFUSED:
                raise
            remark = explain_refusal(wanted.limit, classify_error(error).reason)
            return NotRaised(remark.reason, remark.message)
        return wanted
