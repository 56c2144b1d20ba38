"""`kubectl oom kills`: the history of OOM kills, in rows or summed up."""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from oomwarden.api.oomkill import Cause
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.completion import complete_killed_pods
from oomwarden.cli.cluster.following import changes, print_each
from oomwarden.cli.cluster.options import (
    AllNamespaces,
    Context,
    Follow,
    Kubeconfig,
    Namespace,
    NoHeaders,
    OutputForm,
    Selector,
)
from oomwarden.cli.cluster.resources import OOM_KILLS
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.output.ages import age, duration
from oomwarden.cli.output.bars import bar
from oomwarden.cli.output.objects import Output, as_list, in_stream, names, serialized
from oomwarden.cli.output.tables import table
from oomwarden.cli.sub_command import sub_command
from oomwarden.core.history.filters import RecordFilter, newest_first
from oomwarden.core.history.kill_record import KillRecord, read_record
from oomwarden.core.history.rollup import Grouping, Rollup, roll_up
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.objects.json_parts import Manifest

app = sub_command()
_COLUMNS = ("POD", "CONTAINER", "VICTIM", "CAUSE", "LIMIT", "KILLS", "AGE")
_WIDE = (*_COLUMNS, "NODE", "OWNER", "POLICY", "RESPONSE", "RECORD")


@app.command()
def kills(
    namespace: Namespace = None,
    everywhere: AllNamespaces = False,
    selector: Selector = None,
    pod: Annotated[
        str | None, typer.Option(help="Kills of this pod.", autocompletion=complete_killed_pods)
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Kills of this workload: api or deployment/api.")
    ] = None,
    node: Annotated[str | None, typer.Option(help="Kills on this node.")] = None,
    cause: Annotated[
        Cause | None, typer.Option(help="Kills of this cause.", case_sensitive=False)
    ] = None,
    since: Annotated[str | None, typer.Option(help="Kills of this long: 30m, 24h, 7d.")] = None,
    by: Annotated[Grouping | None, typer.Option(help="Sum up by this.")] = None,
    follow: Follow = False,
    output: OutputForm = None,
    no_headers: NoHeaders = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List OOM kills, the latest first; records outlive their pods.

    \b
    Examples:
      kubectl oom kills -A --since 24h        # everything of a day
      kubectl oom kills --by workload         # who is killed most
      kubectl oom kills -n shop --owner deployment/api -w
    """
    wanted = RecordFilter(pod, owner, node, cause, _start(since))
    cluster = Cluster(kubeconfig, context)
    if everywhere and namespace:
        raise CliError("give either -n or -A, not both", USAGE)
    where = None if everywhere else cluster.namespace(namespace)
    if by and follow:
        raise CliError("--by sums up and --watch follows: give one of them", USAGE)
    if follow:
        _follow(cluster, where, selector, wanted, output, headed=not no_headers)
        return
    records = newest_first(
        [
            record
            for each in cluster.items(OOM_KILLS, where, selector)
            if wanted.accepts(record := read_record(each))
        ]
    )
    if by:
        sys.stdout.write(_summary(roll_up(records, by), by, output, headed=not no_headers))
    elif not records and output is None:
        sys.stderr.write(f"No OOM kills found{f' in namespace {where}' if where else ''}.\n")
    else:
        sys.stdout.write(_listing(records, output, where, headed=not no_headers))


def _start(since: str | None) -> datetime | None:
    try:
        return datetime.now(UTC) - duration(since) if since else None
    except (ValueError, OverflowError) as error:
        raise CliError(f"--since: {error}", USAGE) from error


def _listing(
    records: list[KillRecord], output: Output | None, where: str | None, *, headed: bool
) -> str:
    manifests = [dict(each.manifest) for each in records]
    if output in {Output.JSON, Output.YAML}:
        return serialized(as_list(manifests), output)
    if output == Output.NAME:
        return names(manifests, "oomkill.oomwarden.io")
    now, is_wide = datetime.now(UTC), output == Output.WIDE
    return table(
        _headings(where, is_wide=is_wide),
        [_row(each, now, where, is_wide=is_wide) for each in records],
        headed=headed,
    )


def _headings(where: str | None, *, is_wide: bool) -> tuple[str, ...]:
    columns = _WIDE if is_wide else _COLUMNS
    return columns if where else ("NAMESPACE", *columns)


def _row(record: KillRecord, now: datetime, where: str | None, *, is_wide: bool) -> list[object]:
    cells: list[object] = [
        record.pod,
        record.container
        or (f"one of {', '.join(record.containers)}" if record.containers else None),
        _victim(record),
        record.cause,
        None if record.limit is None else format_bytes(record.limit),
        record.kills,
        age(record.found, now),
    ]
    if is_wide:
        policy = record.policy and "/".join(record.policy)
        cells += [record.node, record.workload, policy, record.response, record.name]
    return cells if where else [record.namespace, *cells]


def _victim(record: KillRecord) -> str | None:
    if not record.victims:
        return None
    more = len(record.victims) - 1
    return f"{record.victims[0].command or '<unknown>'}" + (f" (+{more})" if more else "")


def _summary(groups: list[Rollup], by: Grouping, output: Output | None, *, headed: bool) -> str:
    keys = ("namespace", "workload") if by == Grouping.WORKLOAD else (by.value,)
    if output in {Output.JSON, Output.YAML}:
        return serialized([_as_object(each, keys) for each in groups], output)
    if output == Output.NAME:
        return "".join(f"{'/'.join(each.key)}\n" for each in groups)
    now, most = datetime.now(UTC), max((each.kills for each in groups), default=0)
    rows = [
        [*each.key, each.kills, each.pods, age(each.last, now), bar(each.kills, most)]
        for each in groups
    ]
    titles = [key.upper() for key in keys]
    return table([*titles, "KILLS", "PODS", "LAST", ""], rows, headed=headed)


def _as_object(group: Rollup, keys: tuple[str, ...]) -> dict[str, object]:
    last = group.last.isoformat() if group.last else None
    return {
        **dict(zip(keys, group.key, strict=True)),
        "kills": group.kills,
        "records": group.records,
        "pods": group.pods,
        "last": last,
    }


def _follow(
    cluster: Cluster,
    where: str | None,
    selector: str | None,
    wanted: RecordFilter,
    output: Output | None,
    *,
    headed: bool,
) -> None:
    """Print each record as it comes, the ones that exist first."""
    found = _wanted(changes(cluster, OOM_KILLS, where, selector), wanted)
    print_each(found, lambda each, head: _one(each, output, where, headed=head), headed=headed)


def _wanted(manifests: Iterable[Manifest], wanted: RecordFilter) -> Iterator[KillRecord]:
    for manifest in manifests:
        record = read_record(manifest)
        if wanted.accepts(record):
            yield record


def _one(record: KillRecord, output: Output | None, where: str | None, *, headed: bool) -> str:
    if output in {Output.JSON, Output.YAML}:
        return in_stream(dict(record.manifest), output)
    return _listing([record], output, where, headed=headed)
