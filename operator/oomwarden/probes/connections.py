"""The connections that are open, few: a new one takes the place of one that deserves it least."""

import selectors
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Connection:
    """One client: it asks, is answered, and ends the connection.

    The server ends only what is late or in the way, by a reset: a close would leave the answer
    with the kernel for as long as the client does not take it, and so for any number of clients.

    Attributes:
        deadline: In monotonic seconds; nothing that the client does puts it off.
        rest: What is still to be sent; None: the request is not complete; empty: all is sent.
        thrown_away: Bytes that came after the request.
        ended: The client has ended its side.
        registered: The events that the selector watches for; 0: none.
    """

    socket: socket.socket
    address: str
    deadline: float
    received: bytearray = field(default_factory=bytearray)
    rest: memoryview | None = None
    thrown_away: int = 0
    ended: bool = False
    registered: int = 0

    def awaited(self) -> int:
        """Give the events to wait for. A side that has ended is readable all the time."""
        if self.ended:
            return 0
        return selectors.EVENT_WRITE if self.rest else selectors.EVENT_READ


class Connections:
    """Open connections in the order of their arrival."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    @property
    def is_full(self) -> bool:
        """Whether one has to go before another comes."""
        return len(self._open) >= self._most

    def add(self, connection: Connection) -> None:
        """Take one that has come now."""
        self._open[connection] = None

    def discard(self, connection: Connection) -> None:
        """Forget one."""
        self._open.pop(connection, None)

    def least_deserving(self) -> Connection | None:
        """Give the oldest one of the address that holds most; None: there are none.

        So a kubelet with its one probe outlives thousands from one pod, and where all come from
        one address, or each from another, the oldest goes.
        """
        if not self._open:
            return None
        held = Counter(each.address for each in self._open)
        most = max(held.values())
        return next(each for each in self._open if held[each.address] == most)

    def next_deadline(self) -> float | None:
        """Give the first deadline: the oldest connection has it. None: there are none."""
        first = next(iter(self._open), None)
        return first.deadline if first else None
