"""The stored OOMKills: listed in pages, as metadata only, and deleted one by one."""

import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from oomwarden.api.vocabulary import LABEL_POD_UID
from oomwarden.core.log_line.keys import UNREADABLE, about_object
from oomwarden.core.objects.unreadable import describe_error, display_name
from oomwarden.core.quota.retention import StoredRecord
from oomwarden.kube.pressure import count
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.errors import ApiError, classify_error
from oomwarden.kube.transport.resources import OOMKill

PAGE_SIZE = 500
_LOG = logging.getLogger(__name__)


class ListExpiredError(Exception):
    """The list that a token continues has expired (410). Start again from the first page."""


class DeletionRefusedError(Exception):
    """The API server refuses to delete this record. The deletion of others may succeed."""


class RecordPage(Struct, frozen=True):
    """A page of records.

    Attributes:
        records: The records of this page.
        now: The API server's time in seconds since the epoch.
        token: Continue token of the next page; empty if this is the last one.
    """

    records: list[StoredRecord]
    now: float
    token: str


class OOMKillPages(Struct, frozen=True):
    """Stored OOMKills. Each call may raise one of kube.transport.errors.API_ERRORS.

    Attributes:
        client: The API client.
        namespace: The namespace of the records, None for all namespaces.
    """

    client: Client
    namespace: str | None = None

    async def page(self, token: str) -> RecordPage:
        """Read one page.

        The records are ordered by namespace, as in etcd. When the API server no longer has the
        list (after 5 minutes), it offers a token that continues with the current list, from the
        same place.

        Args:
            token: Continue token of the page; empty for the first page.

        Raises:
            ListExpiredError: The token has expired, and the API server offered no other.
        """
        what = ListOptions(OOMKill, self.namespace)
        try:
            answer, now = await self.client.list_metadata_page(what, token, PAGE_SIZE)
        except ApiError as error:
            if not token or error.status.code != HTTPStatus.GONE:
                raise
            offered = error.status.continue_token
            if not offered or offered == token:
                raise ListExpiredError from error
            return await self.page(offered)
        records = list(_records(answer.get("items") or []))
        return RecordPage(records, now.timestamp(), answer["metadata"].get("continue") or "")

    async def count(self) -> int:
        """Count all records at the cost of reading one."""
        return await count(self.client, ListOptions(OOMKill, self.namespace))

    async def delete(self, record: StoredRecord) -> bool:
        """Delete a record. Return False if it is gone, or another record has its name.

        Raises:
            DeletionRefusedError: The API server refuses, for example because of a webhook.
        """
        try:
            await self.client.delete(OOMKill, record.name, record.namespace, uid=record.uid)
        except ApiError as error:
            if error.status.code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                return False
            if _is_server_wide(error):
                raise
            raise DeletionRefusedError(classify_error(error).reason) from error
        return True


def _is_server_wide(error: ApiError) -> bool:
    """Return whether other records would fail too: the server, the token or the permissions."""
    return classify_error(error).server_wide or error.status.code == HTTPStatus.REQUEST_TIMEOUT


def _records(items: list[dict[str, Any]]) -> Iterator[StoredRecord]:
    for metadata in (item.get("metadata") or {} for item in items):
        if "deletionTimestamp" in metadata:
            continue  # a finalizer delays its deletion
        try:
            yield _record(metadata)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            kill, why = {"metadata": metadata}, describe_error(error)
            _LOG.warning(
                "retention skips %s, which cannot be read: %s",
                display_name("OOMKill", kill),
                why,
                extra=about_object("OOMKill", kill, reason=UNREADABLE, error=why),
            )


def _record(metadata: dict[str, Any]) -> StoredRecord:
    uid, labels = metadata["uid"], metadata.get("labels")
    return StoredRecord(
        created=datetime.fromisoformat(metadata["creationTimestamp"]).timestamp(),
        name=metadata["name"],
        namespace=sys.intern(metadata["namespace"]),
        uid=uid,
        pod=(labels or {}).get(LABEL_POD_UID, uid),
    )
