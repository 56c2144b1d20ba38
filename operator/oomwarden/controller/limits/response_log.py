"""What the log says of responses to OOMKills."""

import logging

from oomwarden.api.oomkill import OOMKill, Response
from oomwarden.core.limits.response import response_keys
from oomwarden.core.log_line.keys import UNREADABLE, about, about_object
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.unreadable import display_name
from oomwarden.kube.transport.errors import WriteResult, error_keys

_LOG = logging.getLogger(__name__)
_KIND = "OOMKill"


def log_response(record: Manifest, kill: OOMKill, made: Response) -> None:
    """Log a response; `record` is the metadata of the OOMKill."""
    _LOG.info(
        "OOMKill %s/%s: %s: %s",
        record["namespace"],
        record["name"],
        made.reason,
        made.message,
        extra=about(response_keys(record, kill, made)),
    )


def log_retry(manifest: Manifest, error: Exception) -> None:
    """Log that an OOMKill has no response yet."""
    _LOG.warning(
        "%s has no response yet, retrying: %s",
        display_name(_KIND, manifest),
        error,
        extra=about_object(_KIND, manifest, error=str(error)),
    )


def log_unreadable(manifest: Manifest, why: str) -> None:
    """Log that an OOMKill gets no response, because it cannot be read."""
    _LOG.error(
        "%s gets no response: %s",
        display_name(_KIND, manifest),
        why,
        extra=about_object(_KIND, manifest, reason=UNREADABLE, error=why),
    )


def log_drops(count: int, namespace: str, kept: int) -> None:
    """Log how many OOMKills were dropped, and of which namespace most of them are."""
    _LOG.warning(
        "%d OOMKills get no response because too many arrived in a short time, most of "
        "them in namespace %s: onOOM keeps the newest %d of a namespace waiting",
        count,
        namespace,
        kept,
        extra=about(kind=_KIND, namespace=namespace, count=count, reason="TooMany"),
    )


def log_unposted(event: Manifest, answer: WriteResult) -> None:
    """Log that the Event of a response was not posted."""
    _LOG.warning(
        "Event %s was not posted: %s",
        event["metadata"]["name"],
        answer.reason,
        extra=about_object("Event", event, error_keys(answer)),
    )
