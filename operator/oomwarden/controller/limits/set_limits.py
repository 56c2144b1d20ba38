"""Set one memory limit: record the intent, patch the pod, confirm the record.

The record (OOMLimit) is the only proof that oomwarden set a limit, so it is written first. If the
operator exits in between, the record stays pending, and the pod's limit shows whether the patch was
applied (core/model/limit_ownership).
"""

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

from oomwarden.api.oomlimit import KeptLimit
from oomwarden.core.limits.authorization import LimitWrite
from oomwarden.core.limits.resize_patch import resize_patch
from oomwarden.core.log_line.keys import about, pod_keys
from oomwarden.core.model.limit_ownership import (
    LimitOwner,
    confirmed_limit,
    field_manager_name,
    pending_limit,
)
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import API_ERRORS, ApiError, classify_error, error_keys

_NOT_APPLIED = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""Answers after which the limit is certainly unchanged."""
_LOG = logging.getLogger(__name__)


class ResizeCalls(Protocol):
    """Required API calls; each may raise one of kube.transport.errors.API_ERRORS."""

    async def read_target(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        """Read everything that the decision about a container needs."""

    async def store(self, found: ResizeTarget, kept: KeptLimit | None) -> ResizeTarget:
        """Write the container's record (None: remove it); return the target with the new record."""

    async def resize(self, namespace: str, pod: str, patch: Manifest, manager: str, /) -> None:
        """Patch pods/resize."""


async def set_limit(
    calls: ResizeCalls, found: ResizeTarget, new: LimitWrite, now: datetime
) -> None:
    """Set the limit of the container that was read.

    Raises:
        kube.transport.errors.API_ERRORS: The limit was not set, or the outcome is unknown.
    """
    pod, container = found.context.pod, found.context.container
    if pod is None or container is None:
        return
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    owner = LimitOwner(new.step, new.before, at)
    pending = pending_limit(container.name, owner, new.limit, container.spec.limit)
    written = await calls.store(found, pending)
    patch = resize_patch(pod, container, new.limit, found.resource_version)
    manager = field_manager_name(new.step, container.name)
    try:
        await calls.resize(pod.namespace, pod.name, patch, manager)
    except ApiError as error:
        if error.status.code in _NOT_APPLIED:
            await _finish_record(calls, written, found.kept)
        raise
    await _finish_record(calls, written, confirmed_limit(pending))


async def _finish_record(calls: ResizeCalls, written: ResizeTarget, kept: KeptLimit | None) -> None:
    """Write the outcome; if that fails, the pending record shows the same in most cases."""
    try:
        await calls.store(written, kept)
    except API_ERRORS as error:
        pod = written.context.pod
        name = f"{pod.namespace}/{pod.name}" if pod else "?"
        failure = classify_error(error)
        _LOG.warning(
            "the OOMLimit of pod %s stays pending: %s",
            name,
            failure.reason,
            extra=about(error_keys(failure), pod_keys(pod)),
        )
