"""What became of policies: found again when something has changed, and once a minute."""

import time
from collections.abc import Callable

from msgspec import Struct

from oomwarden.agent.reporting.policy_reports import PolicyFindings
from oomwarden.agent.reporting.status_writer import READ_SECONDS
from oomwarden.agent.runtime.signal import Signal


class CurrentFindings(Struct):
    """Keeps the last report; to make one, every container is gone through.

    Attributes:
        report: Makes a report.
        changed: Set when what became of a policy has changed.
        versions: Returns the versions of what reports are made of.
        reported: Called with each new report.
    """

    report: Callable[[], PolicyFindings]
    changed: Signal
    versions: Callable[[], object]
    reported: Callable[[PolicyFindings], None]
    _found: PolicyFindings | None = None
    _found_of: object = None
    _until: float = 0.0

    def current(self) -> PolicyFindings:
        """Return the last report, or a new one if something has changed since."""
        now, versions, is_news = time.monotonic(), self.versions(), self.changed.clear()
        if self._found is None or is_news or versions != self._found_of or now >= self._until:
            self._found, self._found_of = self.report(), versions
            self._until = now + READ_SECONDS
            self.reported(self._found)
        return self._found
