"""The lines of kills on the agent's log. They are written before anything can go wrong."""

import logging
from collections.abc import Iterable

from msgspec import Struct, field

from oomwarden.core.incidents.incident import Incident
from oomwarden.core.log_line.keys import about
from oomwarden.core.log_line.kill import about_kill, kill_message
from oomwarden.core.records import event
from oomwarden.core.records.outbox_row import OutboxRow
from oomwarden.log_output.handler import KILLS

_LOG = logging.getLogger(KILLS)


class KillLog(Struct):
    """Writes one line for each incident, however often storing its record is tried."""

    _unsaved: set[tuple[str, int]] = field(default_factory=set)

    def write(self, incidents: Iterable[Incident], rows: Iterable[OutboxRow]) -> None:
        """Write the lines of incidents, with their OOMKills."""
        for incident, row in zip(incidents, rows, strict=True):
            if (row.key, row.end) in self._unsaved:
                continue
            message = kill_message(row.kill, event.note(incident))
            _LOG.warning("%s", message, extra=about_kill(row.kill))
            self._unsaved.add((row.key, row.end))

    def saved(self) -> None:
        """Forget the incidents, whose records are stored now."""
        self._unsaved.clear()


def log_unattributed(kills: int) -> None:
    """Write that kills are in no record."""
    _LOG.warning(
        "%d kills (by the kernel's oom_kill) are in no record: neither the counters nor the kernel "
        "log nor the API server shows which pod they hit",
        kills,
        extra=about(reason="Unattributed", kills=kills),
    )
