"""The texts of a node's report, packed.

A policy's status shows three of them, whereas 2,000 nodes with 100 policies each may report
hundreds of thousands. So they are unpacked only for a status, or if a report has changed.
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec


class ReportedRefusal(NamedTuple):
    """The same fields as api.oomnode.Refusal."""

    pod: str
    container: str
    reason: str
    message: str


class ReportDetails(NamedTuple):
    """The texts of one node's report of one policy."""

    refusals: tuple[ReportedRefusal, ...] = ()
    warnings: tuple[ReportedRefusal, ...] = ()


NO_DETAILS = ReportDetails()
_DECODER = msgspec.msgpack.Decoder(dict[int, ReportDetails])


def pack(reports: Iterable[ReportDetails]) -> bytes:
    """Pack the texts of a node's reports; empty if there are none."""
    found = {number: each for number, each in enumerate(reports) if each != NO_DETAILS}
    return zlib.compress(msgspec.msgpack.encode(found)) if found else b""


def unpack(packed: bytes) -> Mapping[int, ReportDetails]:
    """Return the reports that have texts, by their position."""
    return _DECODER.decode(zlib.decompress(packed)) if packed else {}
