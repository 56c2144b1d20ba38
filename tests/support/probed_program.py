"""A process that serves probes and runs commands from its standard input.

eat      open files until no descriptor is left
spill    close one of them
rob      close the server's spare descriptor and use it too
hang     block the main thread, as an event loop that hangs
"""

import os
import resource
import sys
import time
from http import HTTPStatus

from oomwarden.core.metrics.exposition import CONTENT_TYPE
from oomwarden.probes.http_head import HttpResponse
from oomwarden.probes.server import ProbeServer

from tests.support.clients import BIG, METRICS


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def eat() -> list[int]:
    eaten = []
    while True:
        try:
            eaten.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return eaten


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    pages = {
        "/healthz": lambda: HttpResponse(HTTPStatus.OK, b"well\n"),
        "/metrics": lambda: HttpResponse(HTTPStatus.OK, METRICS, CONTENT_TYPE),
        "/big": lambda: HttpResponse(HTTPStatus.OK, BIG),
        "/broken": lambda: HttpResponse(HTTPStatus.OK, 1 / 0),  # type: ignore[arg-type]
    }
    server = ProbeServer(0, pages, max_seconds=float(sys.argv[1]))
    say(server.port)
    eaten: list[int] = []
    for line in sys.stdin:
        if line == "eat\n":
            eaten += eat()
        elif line == "spill\n":
            os.close(eaten.pop())
        elif line == "rob\n" and server._spare is not None:
            os.close(server._spare)
            server._spare = None
            eaten += eat()
        elif line == "hang\n":
            time.sleep(60)
        say("done")
    server.close()


main()
