"""Read rows of a list of tasks fast: a log in trouble consists of little else."""

import re
from dataclasses import dataclass

from oomwarden.core.log_text.lines.scan import RawLine
from oomwarden.core.log_text.messages.events import TaskRow
from oomwarden.core.log_text.messages.report_lines import MAX_NUMBER

_ROW = re.compile(
    rb"([^\[]{0,256}(?:\[ *\d+\.\d+\]:? ?)?)\[ *(\d{1,10})\] +"
    rb"(-?\d{1,18}(?: +-?\d{1,18}){4,12}) (\S[ -~]{0,31})\r{0,2}"
)
_STAMP = re.compile(rb"\[ *\d+\.\d+\]")


@dataclass(slots=True)
class RowReader:
    """Reads rows that directly follow another row with the same prefix."""

    _prefix: bytes | None = None

    def read(self, raw: RawLine, columns: int) -> TaskRow | None:
        """Return the row in a line; None if the line has to be read with care.

        Args:
            raw: The line.
            columns: How many numbers a row has.
        """
        found = _ROW.fullmatch(raw.text)
        if found is None:
            self._prefix = None
            return None
        prefix = _STAMP.sub(b"", found[1])
        is_known, self._prefix = prefix == self._prefix and raw.adjoins, prefix
        numbers = found[3].split()
        if not is_known or len(numbers) != columns:
            return None
        values = tuple(min(int(each), MAX_NUMBER) for each in numbers)
        return TaskRow(int(found[2]), values, found[4].decode())
