"""Read a kernel log, in any form in which people have it, and return its OOM kills.

`read_kills(data)` is for a whole log, `KillReader` for one that arrives in pieces of any size. Both
never raise, whatever the bytes are, and need little memory: lines, messages, reports and the kills
that are kept are bounded. `facts` in `json_form` is the form for programs.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from oomwarden.core.log_text.assembly import MachineLog, Outcome
from oomwarden.core.log_text.duplicates import Kept
from oomwarden.core.log_text.kill import TextKill, WithoutVictim
from oomwarden.core.log_text.lines.clean import Utf8Bytes
from oomwarden.core.log_text.lines.envelope import TextLine, Unpacker
from oomwarden.core.log_text.lines.messages import Message, MessageJoiner
from oomwarden.core.log_text.lines.prefix import NOWHERE, Origin, is_relative, minute, origin
from oomwarden.core.log_text.lines.runs import Counter, Runs, list_prefix
from oomwarden.core.log_text.lines.scan import LineScanner, RawLine, Stretch
from oomwarden.core.log_text.messages.cgroup_lines import STAT_KEYS, constraint_piece, stat_line
from oomwarden.core.log_text.messages.events import ConstraintText, Event, StatsLine
from oomwarden.core.log_text.messages.parse import Parsed, parse
from oomwarden.core.log_text.tasks import TaskList

MAX_MACHINES = 256
"""Machines whose reports are open at the same time, in a log of many machines."""
MAX_WITHOUT_VICTIM = 100
_PIECE_LINES = 64


class KillReader(Struct):
    """Reads a log in pieces; the result does not depend on where the pieces end."""

    kept: Kept = field(default_factory=Kept)
    without_victim: deque[WithoutVictim] = field(
        default_factory=lambda: deque(maxlen=MAX_WITHOUT_VICTIM)
    )
    reports_without_victim: int = 0
    lost_messages: int = 0
    _decoder: Utf8Bytes = field(default_factory=Utf8Bytes)
    _scanner: LineScanner = field(default_factory=LineScanner)
    _unpacker: Unpacker = field(default_factory=Unpacker)
    _joiner: MessageJoiner = field(default_factory=MessageJoiner)
    _machines: OrderedDict[str | None, MachineLog] = field(default_factory=OrderedDict)
    _row_prefix: bytes | None = None
    _last: Origin = field(default_factory=Origin)
    _minute: str | None = None

    def feed(self, data: bytes) -> None:
        """Add the next bytes of the log."""
        self._add(self._scanner.feed(self._decoder.feed(data)))

    def finish(self) -> None:
        """Read what is left at the end of the log."""
        self.feed_decoded(self._decoder.finish())
        self._add(self._scanner.finish())
        for text in self._unpacker.finish():
            self._add_text(text)
        self._end_message()
        for machine in self._machines.values():
            self._keep(machine.finish())

    def feed_decoded(self, data: bytes) -> None:
        """Add bytes that are UTF-8 already."""
        self._add(self._scanner.feed(data))

    @property
    def kills(self) -> list[TextKill]:
        """The kills that are kept, in the order of the log."""
        return sorted(self.kept.kills, key=lambda each: each.line)

    def _add(self, stretches: Iterable[Stretch]) -> None:
        for stretch in stretches:
            runs = Runs(stretch)
            while not runs.is_done:
                if self._add_rows(runs) or self._add_quiet(runs):
                    continue
                self._add_line(runs.line())

    def _add_line(self, line: RawLine) -> None:
        for text in self._unpacker.feed(line):
            self._add_text(text)
        head = list_prefix(line.text)
        if head is not None and self._unpacker.is_idle and self._joiner.ends_before(""):
            self._end_message()
            self._row_prefix = head

    def _add_rows(self, runs: Runs) -> bool:
        """Add rows of a list of tasks that directly follow another row of the same machine."""
        tasks = self._open_list()
        found = runs.rows(len(tasks.columns)) if tasks else None
        before, self._row_prefix = self._row_prefix, found[0] if found else None
        if not found or not found[1] or not tasks or found[0] != before or not runs.adjoins:
            return False
        for text in self._unpacker.finish():
            self._add_text(text)
        if not self._joiner.ends_before(found[1][: found[1].find(b"\n")].decode()):
            return False
        self._end_message()
        of_row = self._open_list()
        if of_row is None or of_row.columns != tasks.columns:
            return False
        of_row.add_rows(found[1])
        runs.take(found[1])
        return True

    def _open_list(self) -> TaskList | None:
        """Return the list of tasks that the last message belongs to, if it can be read fast."""
        machine = self._machines.get(self._last.host)
        tasks = machine.report.tasks if machine and machine.report else None
        return tasks if tasks and tasks.is_readable else None

    def _add_quiet(self, runs: Runs) -> bool:
        """Add counters, or leave out lines that say nothing of a kill."""
        is_row = self._row_prefix is not None
        if is_row or runs.is_short or not runs.adjoins or not self._unpacker.is_idle:
            return False
        run = runs.quiet()
        record = run[: run.find(b"\n")].decode() if run else ""
        if run is None or not self._joiner.ends_before(record):
            return False
        self._end_message()
        machine = self._machines.get(origin(record).host)
        report = machine.report if machine else None
        if machine and report and report.is_in_stats:
            run = runs.counters()
            self._add_counters(machine, runs.each_counter(run, STAT_KEYS) if run else ())
        if run is None or (report and report.wants_piece()):
            return False
        runs.take(run)
        return True

    def _add_counters(self, machine: MachineLog, counters: Iterable[Counter]) -> None:
        for each in counters:
            event = StatsLine(None, {each.key: each.size})
            self._keep(machine.feed(each.number, origin(each.prefix), event))

    def _end_message(self) -> None:
        for message in self._joiner.finish():
            self._add_message(message)

    def _add_text(self, text: TextLine) -> None:
        for message in self._joiner.feed(text):
            self._add_message(message)

    def _add_message(self, message: Message) -> None:
        parsed = parse(message.text)
        self._minute = minute(message.text) or self._minute
        found = origin(parsed.prefix).or_else(message.origin)
        if found == NOWHERE and message.adjoins:
            found = self._last
        if found.at is None and found.stamp is None and is_relative(message.text):
            found = found._replace(printed=self._minute)
        self._last = found
        machine = self._machine(found.host)
        if parsed.loss is not None:
            self.lost_messages += parsed.loss.count
            self._keep(machine.feed(message.number, found, parsed.loss))
        event = parsed.event or _continuation(machine, message.text, parsed)
        if event is not None:
            self._keep(machine.feed(message.number, found, event))

    def _machine(self, host: str | None) -> MachineLog:
        machine = self._machines.get(host)
        if machine is not None:
            self._machines.move_to_end(host)
            return machine
        machine = self._machines[host] = MachineLog()
        if len(self._machines) > MAX_MACHINES:
            _, oldest = self._machines.popitem(last=False)
            self._keep(oldest.finish())
        return machine

    def _keep(self, outcomes: Iterator[Outcome]) -> None:
        for each in outcomes:
            if isinstance(each, TextKill):
                self.kept.add(each)
            else:
                self.reports_without_victim += 1
                self.without_victim.append(each)


def read_kills(data: bytes) -> list[TextKill]:
    """Return the OOM kills in a log, in its order; each once."""
    reader = KillReader()
    reader.feed(data)
    reader.finish()
    return reader.kills


def _continuation(machine: MachineLog, text: str, parsed: Parsed) -> Event | None:
    """Return a line that only means something after the lines before it."""
    report = machine.report
    if report is None or parsed.loss is not None:
        return None
    if report.is_in_stats and (sizes := stat_line(text)):
        return StatsLine(None, sizes)
    if report.wants_piece():
        ends = (report.constraint_text or "").endswith("=")
        piece = constraint_piece(text, after_equals=ends)
        return ConstraintText(piece[1].text, is_begin=False) if piece else None
    return None
