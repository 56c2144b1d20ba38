"""`kubectl oom why`: the story of a kill on one screen."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from oomwarden.cli.cluster.case_file import attempt, events_of, known_facts, oom_node
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.completion import complete_targets
from oomwarden.cli.cluster.options import Context, Kubeconfig, Namespace, OutputForm
from oomwarden.cli.cluster.resources import OOM_KILLS, PODS
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.output.objects import Output, names, plain_object, serialized
from oomwarden.cli.output.pages import TextPage, page_width
from oomwarden.cli.sub_command import sub_command
from oomwarden.cli.views.kill_story import lay_out
from oomwarden.core.explanation.explain import explain
from oomwarden.core.history.kill_record import KillRecord, read_record
from oomwarden.core.history.selection import (
    POD,
    KillTarget,
    close_names,
    matching_records,
    parse_target,
)
from oomwarden.core.history.unrecorded import agent_start, node_of, without_record

app = sub_command()


@app.command()
def why(
    target: Annotated[
        str,
        typer.Argument(
            metavar="POD|OOMKILL|KIND/NAME",
            help="A pod, a record (see kubectl oom kills -o name), or a workload: the latest kill.",
            autocompletion=complete_targets,
            show_default=False,
        ),
    ],
    namespace: Namespace = None,
    container: Annotated[
        str | None, typer.Option("-c", "--container", help="The latest kill of this container.")
    ] = None,
    output: OutputForm = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Explain an OOM kill: who, whose limit, what filled it, and what to do next.

    \b
    Examples:
      kubectl oom why api-7d9f-x2x4z             # the latest kill of a pod
      kubectl oom why deployment/api -n shop     # of any pod of a workload
      kubectl oom why oomkill/api-7d9f-3f9c2a1b -o json
    """
    wanted = _parsed(target)
    cluster = Cluster(kubeconfig, context)
    where = cluster.namespace(namespace)
    records = [read_record(each) for each in cluster.items(OOM_KILLS, where)]
    found = [
        each
        for each in matching_records(records, wanted)
        if container is None or container in each.containers
    ]
    if found:
        _print_story(cluster, found[0], records, output)
    else:
        _print_unrecorded(cluster, where, wanted, records, output)


def _parsed(target: str) -> KillTarget:
    try:
        return parse_target(target)
    except ValueError as error:
        raise CliError(str(error), USAGE) from error


def _print_story(
    cluster: Cluster, record: KillRecord, records: Sequence[KillRecord], output: Output | None
) -> None:
    if output == Output.NAME:
        sys.stdout.write(names([dict(record.manifest)], "oomkill.oomwarden.io"))
        return
    story = explain(known_facts(cluster, record, records))
    if output in {Output.JSON, Output.YAML}:
        sys.stdout.write(serialized(plain_object(story), output))
    else:
        lay_out(story, datetime.now(UTC), page_width()).print()


def _print_unrecorded(
    cluster: Cluster,
    where: str,
    wanted: KillTarget,
    records: Sequence[KillRecord],
    output: Output | None,
) -> None:
    """Say what is known of a pod without a record.

    Raises:
        CliError: There is no such pod either, or a pod is not what was asked for.
    """
    notes: list[str] = []
    pod = None
    if wanted.kind in {None, POD}:
        pod, _ = attempt(lambda: cluster.get(PODS, where, wanted.name), notes, f"Pod {wanted.name}")
    if pod is None:
        raise CliError(_not_found(cluster, where, wanted, records, notes))
    node = oom_node(cluster, node_of(pod))
    sentences = without_record(pod, events_of(cluster, where, pod), agent_start(node))
    _print_sentences(where, wanted.name, sentences, output)


def _print_sentences(where: str, name: str, sentences: list[str], output: Output | None) -> None:
    if output in {Output.JSON, Output.YAML}:
        found = {"namespace": where, "pod": name, "sentences": sentences}
        sys.stdout.write(serialized(found, output))
        return
    page = TextPage(page_width())
    page.title(f"{where}/{name}: no OOM kill is on record")
    page.items("Known", *sentences)
    page.print()


def _not_found(
    cluster: Cluster,
    where: str,
    wanted: KillTarget,
    records: Sequence[KillRecord],
    notes: list[str],
) -> str:
    if notes:
        return f"no OOM kill of {wanted.name} in namespace {where}; {notes[0].rstrip('.')}"
    pods, _ = attempt(lambda: list(cluster.items(PODS, where)), [], "")
    others = [str(each["metadata"]["name"]) for each in pods or ()]
    close = close_names(records, others, wanted.name)
    hint = f"; did you mean {' or '.join(close)}?" if close else "; see: kubectl oom kills -A"
    kind = f"{wanted.kind} " if wanted.kind else "pod, OOMKill or workload "
    return f"no {kind}{wanted.name} with an OOM kill in namespace {where}{hint}"
