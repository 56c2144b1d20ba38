"""Who may see the ranking: a token for this node alone, of a user who may get oomnodes/rank.

The API server is asked for both, seldom: its answers are kept for a few seconds, and only so many
unknown tokens are looked up in a second.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from enum import Enum

from msgspec import Struct, field

from oomwarden.api.vocabulary import GROUP, rank_audience
from oomwarden.core.enforcement.token_bucket import TokenBucket
from oomwarden.core.log_line.keys import about
from oomwarden.kube.access_reviews import (
    CREDENTIAL_ID,
    AccessTo,
    Authenticated,
    authenticate,
    is_allowed,
)
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

KEPT_SECONDS = 10.0
MAX_KEPT = 64
MAX_REVIEWS_PER_SECOND = 4
_LOG = logging.getLogger(__name__)


class AccessVerdict(Enum):
    """Whether a client may see the ranking."""

    ALLOWED = "allowed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    TOO_MANY = "too many"
    UNKNOWN = "unknown"
    """The API server could not be asked."""


class RankAccess(Struct):
    """Decides on tokens.

    Attributes:
        client: Asks the API server.
        node: This node's name.
        now: Returns monotonic seconds.
    """

    client: Client
    node: str
    now: Callable[[], float] = time.monotonic
    _kept: dict[bytes, tuple[float, AccessVerdict]] = field(default_factory=dict)
    _reviews: TokenBucket = field(default=TokenBucket(MAX_REVIEWS_PER_SECOND, 1.0))

    async def decide(self, token: str) -> AccessVerdict:
        """Return whether the owner of a token may see the ranking of this node."""
        if not token:
            return AccessVerdict.UNAUTHENTICATED
        key, now = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest(), self.now()
        known = self._kept.get(key)
        if known is not None and now - known[0] < KEPT_SECONDS:
            return known[1]
        if self._reviews.available(now) == 0:
            return AccessVerdict.TOO_MANY
        self._reviews = self._reviews.spend(1, now)
        verdict = await self._review(token)
        if verdict is not AccessVerdict.UNKNOWN:
            self._keep(key, verdict)
        return verdict

    def _keep(self, key: bytes, verdict: AccessVerdict) -> None:
        self._kept.pop(key, None)
        self._kept[key] = self.now(), verdict
        while len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    async def _review(self, token: str) -> AccessVerdict:
        try:
            user = await authenticate(self.client, token, rank_audience(self.node))
            if user is None:
                return AccessVerdict.UNAUTHENTICATED
            allowed = await is_allowed(self.client, user, self._wanted())
        except API_ERRORS as error:
            failure = classify_error(error)
            _LOG.warning(
                "the right to see the ranking cannot be checked: %s",
                failure.reason,
                extra=about(error_keys(failure)),
            )
            return AccessVerdict.UNKNOWN
        _log(user, allowed=allowed)
        return AccessVerdict.ALLOWED if allowed else AccessVerdict.FORBIDDEN

    def _wanted(self) -> AccessTo:
        return AccessTo("get", GROUP, "oomnodes", "rank", self.node)


def _log(user: Authenticated, *, allowed: bool) -> None:
    """Log who it was, with the token's ID, by which the audit log shows who asked for it."""
    token = ", ".join(user.extra.get(CREDENTIAL_ID, ())) or "unknown"
    verdict = "may see the ranking" if allowed else "may not see the ranking"
    reason = "RankingAllowed" if allowed else "RankingForbidden"
    _LOG.info("%r (token %s) %s", user.name, token, verdict, extra=about(reason=reason))
