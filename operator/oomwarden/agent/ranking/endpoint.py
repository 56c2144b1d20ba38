"""The endpoint of the ranking, and what OOMNode says of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from oomwarden.agent.ranking.access import AccessVerdict
from oomwarden.agent.ranking.libcrypto import CertificateError
from oomwarden.agent.ranking.server import RankServer, listen
from oomwarden.agent.ranking.tls import server_tls
from oomwarden.api.oomnode import RankEndpoint
from oomwarden.core.log_line.keys import about

if TYPE_CHECKING:
    from oomwarden.core.badness.rank_report import RankReport

_LOG = logging.getLogger(__name__)


class RankService(Struct):
    """Serves the ranking, if a port is set for it.

    Attributes:
        port: TCP port on the pod's loopback; 0 for none.
        pod: Namespace and name of the agent's pod.
        decide: Returns whether the owner of a token may see the ranking.
        report: Returns the ranking.
        published: Where clients find it; None while it is not served.
    """

    port: int
    pod: tuple[str, str]
    decide: Callable[[str], Awaitable[AccessVerdict]]
    report: Callable[[], Awaitable["RankReport"]]
    published: RankEndpoint | None = None

    async def run(self) -> None:
        """Serve until cancelled. What prevents it is logged: the agent's other work goes on."""
        if not self.port:
            return
        try:
            tls, listener = server_tls(), listen(self.port)
        except (CertificateError, OSError) as error:
            _LOG.warning(
                "`kubectl oom rank` does not work on this node: %s",
                error,
                extra=about(reason="NoRanking", error=str(error)),
            )
            return
        namespace, name = self.pod
        self.published = RankEndpoint(
            namespace=namespace, pod=name, port=self.port, certificate=f"sha256:{tls.fingerprint}"
        )
        server = RankServer(tls, self.decide, self.report)
        try:
            await asyncio.create_task(server.run(listener), name="rank-server")
        finally:
            self.published = None
            listener.close()
