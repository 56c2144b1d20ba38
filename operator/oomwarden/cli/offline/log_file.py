"""Read a log from a file or a pipe: plain, or compressed with gzip, xz or bzip2."""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.offline.log_progress import Progress

STDIN = "-"
CHUNK = 1 << 20
"""Bytes that are read at a time."""
_MAGIC = 512


class Readable(Protocol):
    """A file, or what decompresses one."""

    def read1(self, size: int, /) -> bytes:
        """Return what one read gives, so that nothing is lost if the next one fails."""


_OPENERS: tuple[tuple[bytes, Callable[[io.BufferedReader], Readable]], ...] = (
    (b"\x1f\x8b", lambda raw: gzip.GzipFile(fileobj=raw)),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"BZh", bz2.BZ2File),
)
_UNREADABLE = (
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; run: zstd -dc {} | kubectl oom log -"),
    (b"\x04\x22\x4d\x18", "is compressed with lz4; run: lz4 -dc {} | kubectl oom log -"),
    (b"PK\x03\x04", "is a zip archive; run: unzip -p {} | kubectl oom log -"),
    (b"LPKSHHRH", "is a journal; run: journalctl --file {} -k | kubectl oom log -"),
    (b"KDUMP", "is a crash dump; run: makedumpfile --dump-dmesg {} dmesg.txt"),
    (b"\x7fELF", "is a program or a crash dump; run: makedumpfile --dump-dmesg {} dmesg.txt"),
)
_ENDS = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
_SAMPLE = 1 << 16
_MOST_CONTROLS = 0.05
_SPACE, _TEXT_CONTROLS = 0x20, b"\t\n\v\f\r\x1b\x1e"


@dataclass(slots=True)
class LogFile:
    """A log, piece by piece.

    Attributes:
        name: For messages: the path, or `standard input`.
        size: Bytes that have been read, after decompression.
        damage: Why the rest could not be read; None if all of it could.
    """

    path: str
    size: int = 0
    damage: str | None = None
    _sample: bytes = field(default=b"", init=False)

    @property
    def name(self) -> str:
        """The name for messages."""
        return "standard input" if self.path == STDIN else self.path

    @property
    def is_binary(self) -> bool:
        """Whether the beginning is no text, in any encoding."""
        begin = self._sample
        if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
            return False
        controls = sum(each < _SPACE and each not in _TEXT_CONTROLS for each in begin)
        return controls > len(begin) * _MOST_CONTROLS

    def chunks(self) -> Iterator[bytes]:
        """Yield the log.

        Raises:
            CliError: It cannot be read; the message says what to do.
        """
        with self._opened() as raw, Progress(_length(raw)) as progress:
            reader = self._reader(raw)
            while data := self._read(reader):
                self._sample = self._sample or data[:_SAMPLE]
                self.size += len(data)
                progress.show(_position(raw, self.size))
                yield data

    def _opened(self) -> io.BufferedReader:
        if self.path == STDIN:
            if sys.stdin.isatty():
                raise CliError("give a file, or pipe a log: dmesg | kubectl oom log -", USAGE)
            return cast("io.BufferedReader", sys.stdin.buffer)
        path = Path(self.path)
        if path.name == "kmsg":
            raise CliError(f"{path} never ends; run: dmesg | kubectl oom log -")
        try:
            return path.open("rb")
        except IsADirectoryError:
            raise CliError(
                f"{path} is a directory; give a file, or for a journal run: "
                f"journalctl -D {path} -k | kubectl oom log -"
            ) from None
        except PermissionError:
            raise CliError(
                f"you may not read {path}; run: sudo cat {path} | kubectl oom log -"
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CliError(f"cannot read {path}: {reason}") from None

    def _reader(self, raw: io.BufferedReader) -> Readable:
        begin = raw.peek(_MAGIC)[:_MAGIC] if isinstance(raw, io.BufferedReader) else b""
        for magic, remedy in _UNREADABLE:
            if begin.startswith(magic):
                raise CliError(f"{self.name} {remedy.format(self.path)}")
        return next((opener(raw) for magic, opener in _OPENERS if begin.startswith(magic)), raw)

    def _read(self, reader: Readable) -> bytes:
        try:
            return reader.read1(CHUNK)
        except _ENDS:
            self.damage = "its compressed data ends early or is damaged"
        except OSError as error:
            self.damage = f"it cannot be read further: {error.strerror or error}"
        return b""


def _length(raw: io.BufferedReader) -> int | None:
    """Return the size of a regular file."""
    try:
        return raw.seek(0, io.SEEK_END) or None if raw.seekable() else None
    except OSError:
        return None
    finally:
        _rewind(raw)


def _rewind(raw: io.BufferedReader) -> None:
    if raw.seekable():
        raw.seek(0)


def _position(raw: io.BufferedReader, read: int) -> int:
    """Return how far a file has been read; of a pipe, how much came out of it."""
    try:
        return raw.tell() if raw.seekable() else read
    except (OSError, ValueError):
        return read
