"""The operator's /healthz and /readyz, with real sockets."""

import asyncio
import time
from urllib.error import HTTPError
from urllib.request import urlopen

from oomwarden.controller.liveness import EventLoopLiveness, serve
from oomwarden.probes.loops import Loop


def status(port: int, page: str = "healthz") -> int:
    try:
        with urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


async def test_healthz_returns_503_while_the_event_loop_hangs_and_200_afterwards() -> None:
    liveness = EventLoopLiveness()
    server = serve(0, [Loop("event-loop", liveness.loop.age, 0.3)], tuple)
    beating = asyncio.create_task(liveness.run())
    await asyncio.sleep(0)
    assert await asyncio.to_thread(status, server.port) == 200
    time.sleep(1.1)  # noqa: ASYNC251 - it hangs
    assert status(server.port) == 503
    await asyncio.sleep(1.1)
    assert await asyncio.to_thread(status, server.port) == 200
    beating.cancel()
    server.close()


async def test_a_standby_is_healthy_before_it_is_ready() -> None:
    waits_for = ["Lease op could not be read yet", "", "", ""]
    server = serve(0, [], tuple, lambda: waits_for.pop(0))
    assert await asyncio.to_thread(status, server.port) == 200
    assert await asyncio.to_thread(status, server.port, "readyz") == 503
    await asyncio.sleep(1.1)  # a page is computed once a second at most
    assert await asyncio.to_thread(status, server.port, "readyz") == 200
    server.close()
