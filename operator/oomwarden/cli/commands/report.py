"""`kubectl oom report`: a page for a post-mortem or a weekly review."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from oomwarden import __version__
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.cluster.options import (
    AllNamespaces,
    Context,
    Kubeconfig,
    Namespace,
    Selector,
)
from oomwarden.cli.cluster.resources import OOM_KILLS, OOM_NODES
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.output.ages import point_in_time
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.output.terminal import visible
from oomwarden.cli.report.page import page
from oomwarden.cli.report.wording import plural
from oomwarden.cli.sub_command import sub_command
from oomwarden.core.history.filters import RecordFilter
from oomwarden.core.history.kill_record import read_record
from oomwarden.core.kill_report.nodes import node_caveats
from oomwarden.core.kill_report.objects import as_object
from oomwarden.core.kill_report.period import Period
from oomwarden.core.kill_report.report import KillReport, build_report

app = sub_command()


class ReportForm(StrEnum):
    """Forms of a report."""

    HTML = "html"
    JSON = "json"
    YAML = "yaml"


@app.command()
def report(
    namespace: Namespace = None,
    everywhere: AllNamespaces = False,
    selector: Selector = None,
    owner: Annotated[
        str | None, typer.Option(help="Kills of this workload: api or deployment/api.")
    ] = None,
    since: Annotated[
        str, typer.Option(help="Start: how long before the end (24h, 7d), or a time in UTC.")
    ] = "7d",
    until: Annotated[
        str | None, typer.Option(help="End: how long ago, or a time in UTC; now by default.")
    ] = None,
    form: Annotated[
        ReportForm, typer.Option("-o", "--output", help="Form of the report.")
    ] = ReportForm.HTML,
    file: Annotated[
        Path | None, typer.Option(help="Write to this file; - is standard output.")
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    r"""Review the OOM kills of a period on one self-contained page.

    Kills over time, by workload and by cause, memory charts of the worst, what was done and what
    to do. The page needs no network. On a terminal it is written to a file, which is named.

    \b
    Examples:
      kubectl oom report -A                               # a weekly review
      kubectl oom report -n shop --owner deployment/api --since 24h --file api.html
      kubectl oom report -A --since 2026-11-22 --until 2026-11-29 -o json
    """
    now = datetime.now(UTC)
    if everywhere and namespace:
        raise CliError("give either -n or -A, not both", USAGE)
    period = _period(since, until, now)
    cluster = Cluster(kubeconfig, context)
    where = None if everywhere else cluster.namespace(namespace)
    wanted = RecordFilter(owner=owner)
    records = [
        record
        for each in cluster.items(OOM_KILLS, where, selector)
        if wanted.accepts(record := read_record(each))
    ]
    made = build_report(_scope(where, owner, selector), now, period, records, _notes(cluster, now))
    _write(made, form, file, _default_name(where, made))


def _period(since: str, until: str | None, now: datetime) -> Period:
    end = point_in_time(until, now, "--until") if until else now
    start = point_in_time(since, end, "--since")
    if start >= end:
        raise CliError("--since has to be before --until (which is now by default)", USAGE)
    return Period(start, end)


def _scope(where: str | None, owner: str | None, selector: str | None) -> str:
    parts = [f"namespace {where}" if where else "all namespaces"]
    parts += [f"workload {owner}"] if owner else []
    parts += [f"records with label {selector}"] if selector else []
    return ", ".join(parts)


def _notes(cluster: Cluster, now: datetime) -> Sequence[str]:
    """Return what the agents of the nodes say is missing in records."""
    try:
        return node_caveats(cluster.items(OOM_NODES), now)
    except (ForbiddenError, NotFoundError) as error:
        missing = "so kills that no record could hold, and silent agents, are not known"
        return (f"OOMNodes were not read ({error}), {missing}.",)


def _default_name(where: str | None, made: KillReport) -> str:
    day = f"{made.generated:%Y-%m-%d}"
    return f"oom-report-{where or 'all-namespaces'}-{day}.html"


def _write(made: KillReport, form: ReportForm, file: Path | None, default: str) -> None:
    text = _rendered(made, form)
    to_terminal = form is ReportForm.HTML and sys.stdout.isatty()
    path = file or (Path(default) if to_terminal else None)
    if path is None or str(path) == "-":
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"cannot write {path}: {error.strerror or error}") from error
    kills = plural(made.figures.kills, "kill")
    size = f"{len(text.encode()) / 1024:.0f} KiB"
    sys.stderr.write(f"Wrote {visible(path)} ({size}): {kills}, {made.scope}.\n")


def _rendered(made: KillReport, form: ReportForm) -> str:
    if form is ReportForm.HTML:
        return page(made, __version__)
    return serialized(as_object(made), Output(form.value))
