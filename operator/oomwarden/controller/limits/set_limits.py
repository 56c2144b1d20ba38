"""One write of a memory limit: record what is about to be done, do it, and confirm the record.

The record (OOMLimit) is the only proof that a limit is ours, so it is there before the limit is.
An operator that ends in between leaves a record that is pending: by the limit that the pod has it
is plain whether the write was done (core/model/limit_ownership).
"""

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol

from lightkube import ApiError

from oomwarden.api.oomlimit import KeptLimit
from oomwarden.core.limits.authorization import LimitWrite
from oomwarden.core.limits.resize_patch import resize_patch
from oomwarden.core.model.limit_ownership import LimitOwner, begun, confirmed, field_manager_name
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import API_ERRORS, failure

_REFUSED = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""Answers after which the limit is surely as it was."""
_LOG = logging.getLogger(__name__)

Json = dict[str, Any]


class ResizeCalls(Protocol):
    """The calls that are needed; each may raise one of kube.errors.API_ERRORS."""

    async def look(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        """Read all that decides on a container."""

    async def keep(self, found: ResizeTarget, kept: KeptLimit | None) -> ResizeTarget:
        """Write what is kept of the container (None: nothing); gives what is to be kept next."""

    async def resize(self, namespace: str, pod: str, patch: Json, manager: str, /) -> None:
        """Patch pods/resize."""


async def set_limit(
    calls: ResizeCalls, found: ResizeTarget, new: LimitWrite, now: datetime
) -> None:
    """Set the limit of the container that was found.

    Raises:
        kube.errors.API_ERRORS: it was not set, or nobody knows.
    """
    pod, container = found.scene.pod, found.scene.container
    if pod is None or container is None:
        return
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    mark = LimitOwner(new.step, new.before, at)
    kept = begun(container.name, mark, new.limit, container.spec.asked)
    written = await calls.keep(found, kept)
    patch = resize_patch(pod, container, new.limit, found.version)
    try:
        await calls.resize(
            pod.namespace, pod.name, patch, field_manager_name(new.step, container.name)
        )
    except ApiError as error:
        if error.status.code in _REFUSED:
            await _restore(calls, written, found.kept)
        raise
    await _restore(calls, written, confirmed(kept))


async def _restore(calls: ResizeCalls, written: ResizeTarget, kept: KeptLimit | None) -> None:
    """Write the last word on a limit; without it the pending record says as much, in most cases."""
    try:
        await calls.keep(written, kept)
    except API_ERRORS as error:
        _LOG.warning("an OOMLimit stays pending: %s", failure(error).reason)
