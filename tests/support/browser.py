"""Chromium without windows and network, driven through the DevTools protocol over a pipe.

The protocol: https://chromedevtools.github.io/devtools-protocol/ (messages end with a zero byte).
"""

import fcntl
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.lab import chromium

SECONDS = 30.0
_FIRST_FREE = 10
_OPTIONS = ("--no-sandbox", "--no-zygote", "--disable-gpu", "--remote-debugging-pipe")
# As Chromium reads descriptor 3 and writes descriptor 4.
_START = 'exec "$0" "$@" 3<&{read} 4>&{write}'


@dataclass
class Tab:
    """A page of the browser.

    Attributes:
        complaints: What the page's console, its security policy and its scripts said.
        requests: The URLs that it asked for.
    """

    write: int
    read: int
    session: str | None = None
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _events: set[str] = field(default_factory=set)
    _rest: bytes = b""
    _sent: int = 0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Call a method and return its result."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._sent:
            self._note(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def attach(self) -> None:
        """Open the page that everything happens in."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Log", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def open(self, path: Path) -> None:
        """Show a file, and wait until it is loaded."""
        self._events.clear()
        self.complaints.clear()
        self.requests.clear()
        self.call("Page.navigate", url=path.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._note(self._receive())

    def show_as(self, width: int, scheme: str = "light", media: str = "screen") -> None:
        """Show the page in a window of this width, light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=800, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", media=media, features=[feature])

    def value(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Return the value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def _note(self, event: dict[str, Any]) -> None:
        method, found = event.get("method", ""), event.get("params", {})
        self._events.add(method)
        if method == "Log.entryAdded":
            self.complaints.append(found["entry"]["text"])
        elif method in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown"}:
            self.complaints.append(json.dumps(found))
        elif method == "Network.requestWillBeSent":
            self.requests.append(found["request"]["url"])

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self.read], [], [], max(end - time.monotonic(), 0))
            assert ready, f"the browser did not answer within {SECONDS:.0f} s"
            piece = os.read(self.read, 1 << 20)
            assert piece, "the browser has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def browser_tab() -> Iterator[Tab]:
    """Yield a page of a browser that is in a network namespace of its own, without a route."""
    its_read, our_write = map(_away_from_3_and_4, os.pipe())
    our_read, its_write = map(_away_from_3_and_4, os.pipe())
    program = chromium.build()
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    start = _START.format(read=its_read, write=its_write)
    words = ("unshare", *as_root, "--net", "bash", "-c", start, str(program.program), *_OPTIONS)
    with tempfile.TemporaryDirectory(prefix="oomwarden-", ignore_cleanup_errors=True) as home:
        running = subprocess.Popen(
            [*words, f"--user-data-dir={home}"],
            env={**os.environ, **program.environment, "HOME": home},
            pass_fds=(its_read, its_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(its_read)
        os.close(its_write)
        try:
            tab = Tab(our_write, our_read)
            tab.attach()
            yield tab
        finally:
            running.kill()
            running.wait()
            os.close(our_write)
            os.close(our_read)


def _away_from_3_and_4(descriptor: int) -> int:
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FIRST_FREE)
    os.close(descriptor)
    return moved
