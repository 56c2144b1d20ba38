"""Forwards TCP connections from an inherited socket to an address that only it can reach.

The socket listens on this machine's loopback, while this process runs in an instance's network
namespace. So the API server can be reached from this machine, and from nowhere else.
"""

import asyncio
import contextlib
import socket
import sys

_CHUNK = 1 << 16


async def _serve(listener: socket.socket, host: str, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(host, port)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        writer.close()

    server = await asyncio.start_server(connected, sock=listener)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    finally:
        # Closes the other direction too: neither HTTP nor TLS needs half-open connections.
        writer.close()


if __name__ == "__main__":
    descriptor, target_host, target_port = sys.argv[1:]
    inherited = socket.socket(fileno=int(descriptor))
    asyncio.run(_serve(inherited, target_host, int(target_port)))
