"""`kubectl oom plan`: what policies would change, before they are applied."""

import sys
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import typer
from msgspec.structs import replace

from oomwarden.api.models.validated import validated
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError
from oomwarden.cli.cluster.options import Context, Kubeconfig, Namespace, NoHeaders, OutputForm
from oomwarden.cli.cluster.planned_cluster import PlannedCluster
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.input.file_options import Files, Recursive
from oomwarden.cli.input.files import STDIN, named
from oomwarden.cli.input.floor_option import floor_option
from oomwarden.cli.input.planned_files import cluster_objects, planned_policies, refuse_below
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.sub_command import sub_command
from oomwarden.cli.views.plan_objects import plan_object
from oomwarden.cli.views.plan_text import plan_text
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.model.quantity import QuantityError, parse_bytes
from oomwarden.core.objects.json_parts import Manifest, object_at
from oomwarden.core.policy.policy import CLUSTER, parse_policy
from oomwarden.core.policy_check.namespaced_floor import DEFAULT_FLOOR
from oomwarden.core.policy_preview.cluster_state import ClusterState, PlannedNode, PolicyChange
from oomwarden.core.policy_preview.manifests import Manifests, in_namespace
from oomwarden.core.policy_preview.plan_report import plan_report

app = sub_command()
_DEFAULT_NAMESPACE = "default"


@app.command()
def plan(
    files: Files,
    recursive: Recursive = False,
    delete: Annotated[
        bool,
        typer.Option(
            "--delete", help="What deleting the policies would change.", show_default=False
        ),
    ] = False,
    pods: Annotated[
        list[str] | None,
        typer.Option(
            help="Without a cluster: pods, workloads, nodes, namespaces and policies as kubectl "
            "get writes them."
        ),
    ] = None,
    namespace: Namespace = None,
    node_memory: Annotated[
        str | None, typer.Option(help="RAM of nodes that are not known: 16Gi.")
    ] = None,
    floor: Annotated[
        str | None,
        typer.Option(help="namespacedFloor of the chart: a score, or kubelet; else the cluster's."),
    ] = None,
    output: OutputForm = None,
    no_headers: NoHeaders = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show what policies would change, refuse or leave without effect, and change nothing.

    Scores with ~ follow from the kubelet's formula. A row stands for all replicas; -o wide has a
    row for each pod.

    \b
    Examples:
      kubectl oom plan -f protect-db.yaml
      kubectl oom plan -f policies/ --delete -o wide
      kubectl get pods,nodes -A -o json | kubectl oom plan -f new.yaml --pods -
    """
    if output is Output.NAME:
        raise CliError("plan has no names to print: use -o wide, json or yaml", USAGE)
    if STDIN in files and STDIN in (pods or ()):
        raise CliError("standard input can be -f or --pods, not both", USAGE)
    assumed = _Assumed(_amount(node_memory), floor_option(floor))
    policies = planned_policies(files, namespace, recursive=recursive)
    if pods:
        state, notes, inside = _offline(pods, namespace, assumed)
    else:
        cluster = Cluster(kubeconfig, context)
        state, notes, inside = _online(cluster, policies, namespace, assumed)
    changes = [_change(each, inside, state, notes, delete=delete) for each in policies]
    report = plan_report(state, changes, notes)
    if output in {Output.JSON, Output.YAML}:
        sys.stdout.write(serialized(plan_object(report), output))
    else:
        wide = output is Output.WIDE
        sys.stdout.write(plan_text(report, wide=wide, headed=not no_headers))


class _Assumed(NamedTuple):
    """What a person says of the cluster.

    Attributes:
        memory: RAM of nodes that are not known, in bytes.
        floor: The floor; None to ask the cluster.
    """

    memory: int | None
    floor: Floor | None


_Read = tuple[ClusterState, list[str], str]
"""The state of the cluster, what is not known of it, and the namespace of what names none."""


def _offline(files: Sequence[str], namespace: str | None, assumed: _Assumed) -> _Read:
    inside = namespace or _DEFAULT_NAMESPACE
    objects = cluster_objects(files)
    has_reports = bool(objects.of("OOMNode"))
    state = _state(objects, inside, assumed, Floor(DEFAULT_FLOOR), has_agents=has_reports)
    if not state.pods:
        raise CliError(f"no pods or workloads in {named(files)}: kubectl get pods -A -o json")
    return state, objects.notes(), inside


def _online(
    cluster: Cluster, policies: Sequence[Manifest], namespace: str | None, assumed: _Assumed
) -> _Read:
    inside = cluster.namespace(namespace)
    everywhere = any(each["kind"] == CLUSTER for each in policies) and not namespace
    own = {str(object_at(each, "metadata").get("namespace") or inside) for each in policies}
    found = PlannedCluster(cluster)
    try:
        found.read(None if everywhere else own | ({namespace} if namespace else set()))
    except ForbiddenError as error:
        more = "; -n limits the plan to one namespace" if everywhere else ""
        raise CliError(f"{error}{more}") from error
    floor = assumed.floor or Floor(found.floor(DEFAULT_FLOOR))
    has_agents = "OOMNode" not in found.missing
    state = _state(found.found, inside, assumed, floor, has_agents=has_agents)
    return state, [*found.notes, *found.found.notes()], inside


def _state(
    objects: Manifests, inside: str, assumed: _Assumed, floor: Floor, *, has_agents: bool
) -> ClusterState:
    nodes = objects.nodes(with_agents=has_agents)
    other = PlannedNode(capacity=assumed.memory, has_agent=False if has_agents else None)
    return ClusterState(
        pods=objects.pods(inside),
        policies=objects.policies(inside),
        namespaces=objects.namespaces(),
        nodes={
            name: replace(each, capacity=each.capacity or assumed.memory)
            for name, each in nodes.items()
        },
        other_nodes=other,
        floor=assumed.floor or floor,
    )


def _change(
    manifest: Manifest, inside: str, state: ClusterState, notes: list[str], *, delete: bool
) -> PolicyChange:
    """Return the change that a policy of a file stands for."""
    policy = parse_policy(str(manifest["kind"]), in_namespace(manifest, inside), validated)
    if not delete:
        refuse_below(manifest, state.floor.lowest)
        return PolicyChange(policy)
    existing = next((each for each in state.policies if each.key == policy.key), None)
    if existing is None:
        notes.append(f"{policy} does not exist: there is nothing to delete")
    return PolicyChange(existing or policy, deleted=True)


def _amount(text: str | None) -> int | None:
    try:
        size = None if text is None else parse_bytes(text)
    except QuantityError as error:
        raise CliError(f"--node-memory: {error}", USAGE) from error
    if size is not None and size <= 0:
        raise CliError(f"--node-memory: {text} is not an amount of memory such as 16Gi", USAGE)
    return size
