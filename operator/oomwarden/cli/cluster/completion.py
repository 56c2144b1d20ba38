"""Completion of names from the cluster: quick, and silent if anything fails."""

from collections.abc import Callable, Iterator
from typing import Any

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.resources import NAMESPACES, OOM_KILLS, ApiResource, with_query
from oomwarden.core.history.kill_record import KillRecord, read_record
from oomwarden.core.objects.json_parts import objects_at

MAX_SECONDS = 2.0
MAX_OBJECTS = 500


def complete_targets(ctx: Any, incomplete: str) -> list[str]:  # noqa: ANN401 - click's
    """Return pods with records, records, and workloads once a kind was typed."""
    return _quietly(lambda: _starting(_targets(ctx, incomplete), incomplete))


def complete_killed_pods(ctx: Any, incomplete: str) -> list[str]:  # noqa: ANN401 - click's
    """Return the pods with records; they need not exist any more."""
    return _quietly(lambda: _starting(_killed_pods(ctx), incomplete))


def complete_namespaces(ctx: Any, incomplete: str) -> list[str]:  # noqa: ANN401 - click's
    """Return the namespaces."""
    return _quietly(lambda: _starting(_names(ctx, NAMESPACES), incomplete))


def complete_contexts(ctx: Any, incomplete: str) -> list[str]:  # noqa: ANN401 - click's
    """Return the contexts of the kubeconfig."""
    return _quietly(lambda: _starting(_contexts(ctx), incomplete))


def _quietly(read: Callable[[], list[str]]) -> list[str]:
    try:
        return read()
    except Exception:  # noqa: BLE001 - the shell would show any message in the middle of a line
        return []


def _starting(names: Iterator[str], incomplete: str) -> list[str]:
    return sorted({each for each in names if each.startswith(incomplete)})


def _cluster(ctx: Any) -> tuple[Cluster, str]:  # noqa: ANN401 - click's
    given = ctx.params
    cluster = Cluster(given.get("kubeconfig"), given.get("context"))
    cluster.connection.read_seconds = cluster.connection.connect_seconds = MAX_SECONDS
    return cluster, cluster.namespace(given.get("namespace"))


def _page(ctx: Any, resource: ApiResource) -> list[Any]:  # noqa: ANN401 - click's
    cluster, namespace = _cluster(ctx)
    where = namespace if resource.namespaced else None
    path = with_query(resource.path(where), limit=MAX_OBJECTS)
    return objects_at(cluster.request("GET", path, resource.right("list", where)), "items")


def _names(ctx: Any, resource: ApiResource) -> Iterator[str]:  # noqa: ANN401 - click's
    return (str(each["metadata"]["name"]) for each in _page(ctx, resource))


def _records(ctx: Any) -> Iterator[KillRecord]:  # noqa: ANN401 - click's
    return map(read_record, _page(ctx, OOM_KILLS))


def _killed_pods(ctx: Any) -> Iterator[str]:  # noqa: ANN401 - click's
    return (each.pod for each in _records(ctx) if each.pod)


def _targets(ctx: Any, incomplete: str) -> Iterator[str]:  # noqa: ANN401 - click's
    kind, slash, _ = incomplete.partition("/")
    for each in _records(ctx):
        yield from _of_kind(each, kind) if slash else filter(None, (each.pod, each.name))


def _of_kind(record: KillRecord, kind: str) -> Iterator[str]:
    names = {"pod": record.pod, "oomkill": record.name}
    if record.owner:
        names[record.owner[0].lower()] = record.owner[1]
    if names.get(kind.lower()):
        yield f"{kind}/{names[kind.lower()]}"


def _contexts(ctx: Any) -> Iterator[str]:  # noqa: ANN401 - click's
    from oomwarden.cli.cluster.login import context_names  # noqa: PLC0415 - half of the start-up

    return iter(context_names(ctx.params.get("kubeconfig")))
