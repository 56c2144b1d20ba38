"""`kubectl oom nodes`: the memory of each node, its promises, and the health of its agent."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError
from oomwarden.cli.cluster.following import changes, print_each
from oomwarden.cli.cluster.options import Context, Follow, Kubeconfig, NoHeaders, OutputForm
from oomwarden.cli.cluster.resources import NODES, OOM_NODES
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.output.objects import Output, as_list, in_stream, names, serialized
from oomwarden.cli.sub_command import sub_command
from oomwarden.cli.views.node_details import node_details
from oomwarden.cli.views.node_rows import NodeRow, node_table
from oomwarden.core.diagnosis.node_health import AgentState, NodeHealth, node_health
from oomwarden.core.diagnosis.node_view import NodeView, read_node
from oomwarden.core.diagnosis.promises import promises_of
from oomwarden.core.objects.json_parts import Manifest, object_at, object_labels, object_name

app = sub_command()


class SortKey(StrEnum):
    """By what rows can be sorted; the worst first, but for the name."""

    NAME = "name"
    HEALTH = "health"
    FREE = "free"
    COMMIT = "commit"
    PRESSURE = "pressure"
    NEAR_MISSES = "near-misses"
    KILLS = "kills"


@app.command()
def nodes(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NODE]...", help="A single one is described in words."),
    ] = None,
    selector: Annotated[
        str | None, typer.Option("-l", "--selector", help="Label selector of Nodes.")
    ] = None,
    sort_by: Annotated[SortKey, typer.Option(help="The worst first.")] = SortKey.NAME,
    output: OutputForm = None,
    follow: Follow = False,
    no_headers: NoHeaders = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show the memory of each node, what its kernel promises, and its agent's health.

    Figures are as old as the agent's last report, 5 minutes at most: WRITTEN in -o wide.
    FREE is MemAvailable; COMMIT is Committed_AS in percent of CommitLimit, which only the
    mode `never` enforces; PRESSURE is the share of the last minute in which some task waited
    for memory (PSI); OUTRANKED counts services of the node that die before pods.

    \b
    Examples:
      kubectl oom nodes --sort-by pressure    # the worst nodes first
      kubectl oom nodes node-1                # all about one node, with remedies
      kubectl oom nodes -l pool=batch -o wide
      kubectl oom nodes -w                    # each report of an agent, as it comes
    """
    cluster, wanted = Cluster(kubeconfig, context), list(name or [])
    if follow:
        _follow(cluster, wanted, selector, output, headed=not no_headers)
        return
    found = _chosen(cluster, wanted, selector)
    now = datetime.now(UTC)
    if len(wanted) == 1 and output is None:
        sys.stdout.write(node_details(read_node(found[0]), now))
        return
    if output in {Output.JSON, Output.YAML}:
        whole = found[0] if len(wanted) == 1 else as_list(found)
        sys.stdout.write(serialized(whole, output))
        return
    if output == Output.NAME:
        sys.stdout.write(names(found, "oomnode.oomwarden.io"))
        return
    rows = [NodeRow(each, node_health(each, now)) for each in map(read_node, found)]
    if not wanted and selector is None:
        rows += _without_agent(cluster, {row.node.name for row in rows})
    if not rows:
        sys.stderr.write("No nodes found.\n")
        return
    ordered, is_wide = _ordered(rows, sort_by), output == Output.WIDE
    sys.stdout.write(node_table(ordered, now, is_wide=is_wide, headed=not no_headers))


def _chosen(cluster: Cluster, wanted: Sequence[str], selector: str | None) -> list[Manifest]:
    """Return the OOMNodes that are asked for. Labels are those of Nodes: OOMNodes have none."""
    if wanted and selector:
        raise CliError("give either names of nodes or a label selector, not both", USAGE)
    if wanted:
        return [_one(cluster, each) for each in dict.fromkeys(wanted)]
    found = list(cluster.items(OOM_NODES))
    if selector is None:
        return found
    labelled = {object_name(each) for each in cluster.items(NODES, None, selector)}
    return [each for each in found if object_name(each) in labelled]


def _one(cluster: Cluster, name: str) -> Manifest:
    found = cluster.find(OOM_NODES, None, name)
    if found is None:
        raise CliError(
            f"there is no OOMNode {name}: no node has this name, or its agent has never reported; "
            "run: kubectl oom doctor"
        )
    return found


def _without_agent(cluster: Cluster, known: set[str]) -> list[NodeRow]:
    """Return a row for each Linux node without an OOMNode."""
    try:
        listed = list(cluster.items(NODES))
    except ForbiddenError:
        note = "you may not list nodes, so nodes without an agent are not shown"
        sys.stderr.write(f"note: {note}\n")
        return []
    missing = [each for each in listed if object_name(each) not in known and _runs_linux(each)]
    return [NodeRow(_as_view(each), NodeHealth(AgentState.NO_AGENT)) for each in missing]


def _as_view(node: Manifest) -> NodeView:
    capacity = object_at(object_at(node, "status"), "capacity").get("memory")
    memory = {"capacity": capacity}
    return read_node({"metadata": {"name": object_name(node)}, "status": {"memory": memory}})


def _runs_linux(node: Manifest) -> bool:
    return bool(object_labels(node).get("kubernetes.io/os", "linux") == "linux")


def _ordered(rows: list[NodeRow], key: SortKey) -> list[NodeRow]:
    worst: dict[SortKey, Callable[[NodeRow], float]] = {
        SortKey.NAME: lambda _: 0,
        SortKey.HEALTH: lambda row: -list(AgentState).index(row.health.state),
        SortKey.FREE: lambda row: row.node.sizes.get("available", float("inf")),
        SortKey.COMMIT: lambda row: -(promises_of(row.node).share or -1),
        SortKey.PRESSURE: lambda row: -row.node.stalls.get(("some", "avg60"), -1),
        SortKey.NEAR_MISSES: lambda row: -(row.node.near_misses.total or -1),
        SortKey.KILLS: lambda row: -row.node.kills.get("recorded", -1),
    }
    return sorted(rows, key=lambda row: (worst[key](row), row.node.name))


def _follow(
    cluster: Cluster,
    wanted: Sequence[str],
    selector: str | None,
    output: Output | None,
    *,
    headed: bool,
) -> None:
    """Print the report of each node, and each new one as it comes."""
    found: Iterable[Manifest] = changes(cluster, OOM_NODES, None, None)
    if wanted or selector:
        chosen = {object_name(each) for each in _chosen(cluster, wanted, selector)}
        found = (each for each in found if object_name(each) in chosen)
    print_each(found, lambda each, head: _one_report(each, output, headed=head), headed=headed)


def _one_report(report: Manifest, output: Output | None, *, headed: bool) -> str:
    if output in {Output.JSON, Output.YAML}:
        return in_stream(report, output)
    if output == Output.NAME:
        return names([report], "oomnode.oomwarden.io")
    node, now = read_node(report), datetime.now(UTC)
    row = NodeRow(node, node_health(node, now))
    return node_table([row], now, is_wide=output == Output.WIDE, headed=headed)
