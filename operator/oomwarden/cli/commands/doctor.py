"""`kubectl oom doctor`: whether everything is able to work, and what to do if not."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from oomwarden import __version__
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.options import Context, Kubeconfig, Namespace, OutputForm
from oomwarden.cli.cluster.release import Survey, pods_selector
from oomwarden.cli.cluster.resources import (
    ADMISSION_BINDINGS,
    ADMISSION_POLICIES,
    CLUSTER_OOM_POLICIES,
    NAMESPACES,
    NODES,
    OOM_NODES,
    OOM_POLICIES,
    PODS,
)
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.sub_command import sub_command
from oomwarden.cli.views.checks import checks_text
from oomwarden.core.diagnosis import enforcement, installation
from oomwarden.core.diagnosis.check import Check, Group, Result, installed
from oomwarden.core.diagnosis.definitions import definitions_check
from oomwarden.core.diagnosis.node_view import NodeView, read_node
from oomwarden.core.diagnosis.nodes import Fleet, node_checks
from oomwarden.core.diagnosis.pods import by_node
from oomwarden.core.diagnosis.rights import RIGHTS, Places, rights_checks
from oomwarden.core.model.mode import MODE_CONFIGMAP
from oomwarden.core.objects.json_parts import Manifest, object_labels, object_name, object_namespace
from oomwarden.core.quota.pressure import NAME as PRESSURE

app = sub_command()
_USUAL_RELEASE = "oomwarden"
_NO_RELEASE = (
    "no release of oomwarden was found; install it: helm install oomwarden charts/oomwarden "
    "-n oomwarden --create-namespace"
)
ReleaseNamespace = Annotated[
    str | None, typer.Option(help="Namespace of the release; it is found by labels otherwise.")
]


@app.command()
def doctor(
    namespace: Namespace = None,
    release_namespace: ReleaseNamespace = None,
    output: OutputForm = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Check installation, nodes and your rights; each failure has its remedy.

    A check that you have no right to make is skipped and names the right. Rights are those
    in the namespace of -n. The exit code is 1 if a check fails.

    \b
    Examples:
      kubectl oom doctor
      kubectl oom doctor --release-namespace oomwarden -o json
    """
    if output in {Output.WIDE, Output.NAME}:
        raise CliError(f"-o {output} is not available here: use json or yaml", USAGE)
    cluster = Cluster(kubeconfig, context)
    checks = _diagnosis(cluster, release_namespace, cluster.namespace(namespace))
    if output:
        sys.stdout.write(serialized(_as_object(checks), output))
    else:
        sys.stdout.write(checks_text(checks))
    if any(each.result == Result.FAIL for each in checks):
        raise typer.Exit(1)


def _diagnosis(cluster: Cluster, release: str | None, namespace: str) -> list[Check]:
    """Make all checks, and none but the first if the API server does not answer."""
    try:
        version = cluster.request("GET", "/version", "get /version")
    except CliError as error:
        return [installed("API server", Result.FAIL, str(error))]
    survey, now = Survey(cluster), datetime.now(UTC)
    daemon_set = _daemon_set(survey, release)
    where = object_namespace(daemon_set) if daemon_set else release or _USUAL_RELEASE
    found = [
        installation.api_server(version),
        *_definitions(survey),
        *_admission(survey),
        *_release(survey, daemon_set, now),
        *_policies(survey),
        *node_checks(_fleet(survey, daemon_set), now),
        *_rights(survey, Places(namespace, where)),
    ]
    order = list(Group)
    return sorted([*found, *survey.skipped], key=lambda each: order.index(each.group))


def _daemon_set(survey: Survey, release: str | None) -> Manifest | None:
    """Return the agents' DaemonSet. That of another release is reported."""
    found = survey.permitted(Group.INSTALLATION, "Release", lambda: survey.agents(release))
    if found is None:
        return None
    if not found:
        where = f" in namespace {release}" if release else ""
        survey.skipped.append(installed("Release", Result.FAIL, f"{_NO_RELEASE}{where}"))
        return None
    if len(found) > 1:
        places = ", ".join(object_namespace(each) for each in found)
        text = f"there are {len(found)} releases, in {places}; the first one is checked"
        remedy = (
            "agents of a second one never become ready: uninstall it, or use --release-namespace"
        )
        survey.skipped.append(installed("Release", Result.WARN, text, remedy))
    return found[0]


def _definitions(survey: Survey) -> Iterator[Check]:
    name = "CRDs"
    openapi = survey.permitted(Group.INSTALLATION, name, lambda: (survey.openapi(),))
    if openapi is not None:
        yield definitions_check(openapi[0])


def _admission(survey: Survey) -> Iterator[Check]:
    found = survey.permitted(
        Group.INSTALLATION,
        "Admission policies",
        lambda: (survey.labelled(ADMISSION_POLICIES), survey.labelled(ADMISSION_BINDINGS)),
    )
    if found is not None:
        yield installation.admission(*found)


def _release(survey: Survey, daemon_set: Manifest | None, now: datetime) -> Iterator[Check]:
    if daemon_set is None:
        return
    where = object_namespace(daemon_set)
    yield installation.versions(_version(daemon_set), __version__)
    place = survey.permitted(
        Group.INSTALLATION, "Pod Security", lambda: survey.cluster.get(NAMESPACES, None, where)
    )
    if place is not None:
        yield installation.pod_security(place, where)
    operator = survey.permitted(
        Group.INSTALLATION, "Operator", lambda: (survey.operator(daemon_set),)
    )
    if operator is not None:
        pods = _pods(survey, operator[0], "Pods of the operator") if operator[0] else []
        yield installation.operator(operator[0], pods or [], where)
    yield from _config_maps(survey, where, now)


def _config_maps(survey: Survey, where: str, now: datetime) -> Iterator[Check]:
    group = Group.INSTALLATION
    control = survey.permitted(group, "Mode", lambda: (survey.config(where, MODE_CONFIGMAP),))
    if control is not None:
        yield installation.mode(control[0], where)
    pressure = survey.permitted(group, "Records", lambda: (survey.config(where, PRESSURE),))
    if pressure is not None:
        yield enforcement.records(pressure[0], now)
        understood = enforcement.objects_understood(pressure[0])
        yield from [understood] if understood else []


def _policies(survey: Survey) -> Iterator[Check]:
    found = survey.permitted(
        Group.INSTALLATION,
        "Policies",
        lambda: [*survey.existing(CLUSTER_OOM_POLICIES), *survey.existing(OOM_POLICIES)],
    )
    if found is not None:
        yield enforcement.policies(found)


def _fleet(survey: Survey, daemon_set: Manifest | None) -> Fleet:
    nodes = survey.permitted(
        Group.NODES,
        "Nodes",
        lambda: {object_name(each): each for each in survey.cluster.items(NODES)},
    )
    reports = survey.permitted(Group.NODES, "Reports", lambda: _reports(survey))
    pods = _pods(survey, daemon_set, "Agents", Group.NODES) if daemon_set else None
    agents = None if pods is None else by_node(pods)
    where = object_namespace(daemon_set) if daemon_set else ""
    version = _version(daemon_set) if daemon_set else None
    return Fleet(nodes, agents, reports, daemon_set, where, version)


def _nodes(survey: Survey) -> dict[str, Manifest]:
    return {object_name(each): each for each in survey.cluster.items(NODES)}


def _reports(survey: Survey) -> dict[str, NodeView]:
    return {object_name(each): read_node(each) for each in survey.existing(OOM_NODES)}


def _pods(
    survey: Survey, workload: Manifest, name: str, group: Group = Group.INSTALLATION
) -> list[Manifest] | None:
    where, selector = object_namespace(workload), pods_selector(workload)
    return survey.permitted(group, name, lambda: list(survey.cluster.items(PODS, where, selector)))


def _rights(survey: Survey, places: Places) -> list[Check]:
    lacking = {
        command: [each for each in needed if survey.lacks(each, places.of(each))]
        for command, needed in RIGHTS.items()
    }
    return rights_checks(lacking, places)


def _as_object(checks: Sequence[Check]) -> dict[str, object]:
    counts = {each.value: sum(one.result == each for one in checks) for each in Result}
    listed = [
        {
            "group": each.group.value,
            "name": each.name,
            "result": each.result.value,
            "message": each.message,
            "remedy": each.remedy,
        }
        for each in checks
    ]
    return {"summary": counts, "checks": listed}


def _version(manifest: Manifest) -> str | None:
    found = object_labels(manifest).get("app.kubernetes.io/version")
    return found if isinstance(found, str) else None
