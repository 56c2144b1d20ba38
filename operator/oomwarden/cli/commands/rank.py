"""`kubectl oom rank`: which process the kernel would kill next, and why."""

import sys
from typing import Annotated

import typer

from oomwarden.cli.cluster.agent_ranking import RankAccount, ask_agent
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.cluster.options import (
    Context,
    Kubeconfig,
    Namespace,
    NoHeaders,
    OutputForm,
)
from oomwarden.cli.cluster.resources import PODS
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.sub_command import sub_command
from oomwarden.cli.views.ranking import node_ranking, pod_ranking
from oomwarden.core.history.kill_record import text_at
from oomwarden.core.objects.json_parts import Manifest, object_at
from oomwarden.core.objects.object_names import is_object_name

app = sub_command()
_KINDS = {"node": "node", "nodes": "node", "no": "node", "pod": "pod", "pods": "pod", "po": "pod"}
_TOP = 15
_MAX_TOP = 50
"""As many as an agent lists."""


@app.command()
def rank(
    what: Annotated[
        str, typer.Argument(metavar="NODE|POD", help="A name, or node/NAME or pod/NAME.")
    ],
    namespace: Namespace = None,
    top: Annotated[
        int, typer.Option(min=1, max=_MAX_TOP, help="How many processes of a node to show.")
    ] = _TOP,
    service_account: Annotated[
        str | None,
        typer.Option(
            metavar="[NAMESPACE/]NAME",
            help="Ask with a token of this ServiceAccount, not of oomwarden-rank.",
        ),
    ] = None,
    output: OutputForm = None,
    no_headers: NoHeaders = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show which process the kernel would kill next, on a node or in a pod.

    POINTS is what the kernel compares: resident memory, page tables and swap, in
    thousandths of the memory that it chooses in, plus oom_score_adj (ADJ). KILLS is
    the number of processes that die: with group kill, the whole container. The node's
    agent reads all of it at this moment.

    \b
    Examples:
      kubectl oom rank node-1                 # on a node, and inside each container
      kubectl oom rank pod/api-7d9f -n shop   # inside each container of a pod
      kubectl oom rank node-1 -o wide         # with the arithmetic
    """
    if output == Output.NAME:
        raise CliError("a ranking has no names: use -o json or -o yaml", USAGE)
    cluster = Cluster(kubeconfig, context)
    answer, is_pod = _answer(cluster, what, namespace, _account(service_account))
    if output in {Output.JSON, Output.YAML}:
        sys.stdout.write(serialized(answer, output))
        return
    is_wide, headed = output == Output.WIDE, not no_headers
    if is_pod:
        sys.stdout.write(pod_ranking(answer, is_wide=is_wide, headed=headed))
    else:
        sys.stdout.write(node_ranking(answer, top, is_wide=is_wide, headed=headed))


def _account(given: str | None) -> RankAccount:
    if given is None:
        return RankAccount()
    namespace, _, name = given.rpartition("/")
    if not is_object_name(name) or (namespace and not is_object_name(namespace)):
        raise CliError(f"--service-account: {given!r} is not [NAMESPACE/]NAME", USAGE)
    return RankAccount(name, namespace or None)


def _answer(
    cluster: Cluster, what: str, namespace: str | None, account: RankAccount
) -> tuple[Manifest, bool]:
    """Return the ranking of a node or a pod, and whether it is a pod's."""
    kind, name = _parse(what)
    where = cluster.namespace(namespace)
    if kind == "node":
        return _of_node(cluster, name, account), False
    if kind == "pod":
        found = cluster.find(PODS, where, name)
        if found is None:
            raise NotFoundError(f"there is no pod {name} in namespace {where}")
        return _of_pod(cluster, where, found, account), True
    pod, refusal = _find_pod(cluster, where, name)
    if pod is not None:
        return _of_pod(cluster, where, pod, account), True
    try:
        return _of_node(cluster, name, account), False
    except NotFoundError as error:
        if refusal is not None:
            raise refusal from error
        raise NotFoundError(
            f"there is no pod {name} in namespace {where}, and no node {name} with an agent"
        ) from error


def _parse(what: str) -> tuple[str | None, str]:
    prefix, slash, name = what.rpartition("/")
    kind = _KINDS.get(prefix.lower())
    if not is_object_name(name) or (slash and kind is None):
        raise CliError(f"{what!r} is neither a name nor node/NAME or pod/NAME", USAGE)
    return kind, name


def _find_pod(
    cluster: Cluster, where: str, name: str
) -> tuple[Manifest | None, ForbiddenError | None]:
    """Return a pod, or why it is not known whether there is one."""
    try:
        return cluster.find(PODS, where, name), None
    except ForbiddenError as error:
        return None, error


def _of_node(cluster: Cluster, name: str, account: RankAccount) -> Manifest:
    try:
        return ask_agent(cluster, name, account)
    except NotFoundError as error:
        raise NotFoundError(
            f"node {name} has no OOMNode: there is no such node, or oomwarden runs no agent on it"
        ) from error


def _of_pod(cluster: Cluster, where: str, pod: Manifest, account: RankAccount) -> Manifest:
    name = text_at(object_at(pod, "metadata"), "name") or ""
    node = text_at(object_at(pod, "spec"), "nodeName")
    phase = text_at(object_at(pod, "status"), "phase")
    if node is None:
        raise CliError(f"pod {name} in namespace {where} is not on a node yet")
    if phase in {"Succeeded", "Failed"}:
        raise CliError(f"pod {name} in namespace {where} has ended ({phase}): nothing runs in it")
    return ask_agent(cluster, node, account, namespace=where, pod=name)
