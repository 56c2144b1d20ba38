"""The open connections, of which there are few: a new one can evict another."""

import selectors
import socket
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct, field


class Connection(Struct, eq=False):
    """The connection of one client, which sends a request, reads the response, and closes it.

    The server closes only connections that are late or evicted, with a reset. After a normal
    close, the kernel would keep the response until the client reads it, for any number of clients.

    Attributes:
        socket: The client's socket.
        address: The client's IP address.
        deadline: Monotonic time of the end of the connection. Traffic does not extend it.
        received: The request so far.
        unsent: The rest of the response; None while the request is incomplete, empty once all of
            it is sent.
        discarded_bytes: Number of bytes received after the request.
        client_closed: Whether the client has closed its side.
        registered: The events registered with the selector, 0 for none.
    """

    socket: socket.socket
    address: str
    deadline: float
    received: bytearray = field(default_factory=bytearray)
    unsent: memoryview | None = None
    discarded_bytes: int = 0
    client_closed: bool = False
    registered: int = 0

    def wanted_events(self) -> int:
        """Return the selector events to wait for, 0 for none.

        A socket whose peer has closed is always readable, so it is not watched.
        """
        if self.client_closed:
            return 0
        return selectors.EVENT_WRITE if self.unsent else selectors.EVENT_READ


class Connections:
    """The open connections, oldest first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    @property
    def is_full(self) -> bool:
        """Return whether a connection must be evicted before another is added."""
        return len(self._open) >= self._limit

    def add(self, connection: Connection) -> None:
        """Add a new connection."""
        self._open[connection] = None

    def discard(self, connection: Connection) -> None:
        """Remove a connection."""
        self._open.pop(connection, None)

    def eviction_candidate(self) -> Connection | None:
        """Return the oldest connection of the address with the most, None if there are none.

        So the one probe of a kubelet survives thousands of connections from one pod. If all
        connections come from one address, or each from another, the oldest is evicted.
        """
        if not self._open:
            return None
        count = Counter(each.address for each in self._open)
        highest = max(count.values())
        return next(each for each in self._open if count[each.address] == highest)

    def next_deadline(self) -> float | None:
        """Return the earliest deadline, which is the oldest connection's; None without any."""
        first = next(iter(self._open), None)
        return first.deadline if first else None
