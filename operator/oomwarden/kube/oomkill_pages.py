"""The OOMKills that are stored: read in parts, as metadata only, and deleted one by one."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from lightkube import ApiError

from oomwarden.api.base import LABEL_POD_UID
from oomwarden.core.objects.passed_over import error_words, name_of
from oomwarden.core.quota.retention import StoredRecord
from oomwarden.kube.pressure import count
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.errors import failure
from oomwarden.kube.transport.resources import OOMKill

PART = 500
_LOG = logging.getLogger(__name__)


class ListExpiredError(Exception):
    """The API server has forgotten the list that a token continues (410): begin anew."""


class RefusedError(Exception):
    """The API server does not let this one record be deleted; others may fare better."""


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A part of all records, the API server's clock in seconds, and the token of the next part.

    An empty token: this is the last one.
    """

    records: list[StoredRecord]
    now: float
    token: str


@dataclass(frozen=True, slots=True)
class OOMKillPages:
    """`namespace` None: of all. Each call may raise one of kube.errors.API_ERRORS."""

    client: Client
    namespace: str | None = None

    async def page(self, token: str) -> RecordPage:
        """Read the part that a token continues; an empty one begins.

        The API server gives them ordered by namespace: etcd does. When it has forgotten the list
        (5 minutes), it offers to go on with the list of now, from the same place.

        Raises:
            ListExpiredError: the token is no longer known, and no other one was offered.
        """
        what = ListOptions(OOMKill, self.namespace)
        try:
            answer, now = await self.client.metadata_page(what, token, PART)
        except ApiError as error:
            if not token or error.status.code != HTTPStatus.GONE:
                raise
            offered = error.status.metadata and error.status.metadata.continue_
            if not offered or offered == token:
                raise ListExpiredError from error
            return await self.page(offered)
        records = list(_records(answer.get("items") or []))
        return RecordPage(records, now.timestamp(), answer["metadata"].get("continue") or "")

    async def count(self) -> int:
        """Count all records, at the price of reading one."""
        return await count(self.client, ListOptions(OOMKill, self.namespace))

    async def delete(self, record: StoredRecord) -> bool:
        """Delete a record; False: it is gone already, or another one has its name.

        Raises:
            RefusedError: this one is not to be deleted (an admission rule, say).
        """
        metadata = {"namespace": record.namespace, "name": record.name, "uid": record.uid}
        try:
            await self.client.delete_this(OOMKill, metadata)
        except ApiError as error:
            if error.status.code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                return False
            if _is_server_wide(error):
                raise
            raise RefusedError(failure(error).reason) from error
        return True


def _is_server_wide(error: ApiError) -> bool:
    """Whether other records would fare no better: the server, our token, our rights."""
    return failure(error).everywhere or error.status.code == HTTPStatus.REQUEST_TIMEOUT


def _records(items: list[dict[str, Any]]) -> Iterator[StoredRecord]:
    for metadata in (item.get("metadata") or {} for item in items):
        if "deletionTimestamp" in metadata:
            continue  # somebody's finalizer holds it
        try:
            yield _record(metadata)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            name = name_of("OOMKill", {"metadata": metadata})
            _LOG.warning("retention passes over %s: %s", name, error_words(error))


def _record(metadata: dict[str, Any]) -> StoredRecord:
    uid, labels = metadata["uid"], metadata.get("labels")
    return StoredRecord(
        created=datetime.fromisoformat(metadata["creationTimestamp"]).timestamp(),
        name=metadata["name"],
        namespace=sys.intern(metadata["namespace"]),
        uid=uid,
        pod=(labels or {}).get(LABEL_POD_UID, uid),
    )
