"""Samples of a pod's memory: those of its OOMKills, or live from metrics.k8s.io."""

from collections.abc import Iterable, Mapping, Sequence

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.cluster.resources import OOM_KILLS, POD_METRICS, PODS
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.offline.usage_sources import SampledUsage, Schedule, watched
from oomwarden.core.history.kill_record import (
    KillRecord,
    bytes_at,
    read_record,
    text_at,
    time_at,
)
from oomwarden.core.objects.json_parts import Json, object_at, objects_at
from oomwarden.core.usage_pattern.samples import Samples
from oomwarden.core.usage_pattern.verdict import UsagePoint

ONE_OF = "pod {pod} has several containers: name one with -c: {names}"


def recorded(cluster: Cluster, namespace: str, pod: str, container: str | None) -> SampledUsage:
    """Return the samples in the OOMKills of a pod, of up to a day before each kill.

    Raises:
        CliError: It has none, or it is not clear of which container.
    """
    records = [
        record
        for each in cluster.items(OOM_KILLS, namespace)
        if (record := read_record(each)).pod == pod
        and (container is None or record.container == container)
        and sample_points(record.manifest)
    ]
    if not records:
        of = f" of container {container}" if container else ""
        raise CliError(
            f"no OOMKill of pod {pod}{of} in namespace {namespace} has samples; watch it live: "
            f"kubectl oom leak -n {namespace} --pod {pod} --for 4h"
        )
    names = sorted({record.container or "?" for record in records})
    if len(names) > 1:
        raise CliError(ONE_OF.format(pod=pod, names=", ".join(names)), USAGE)
    points = [point for record in records for point in sample_points(record.manifest)]
    kills = "its last kill" if len(records) == 1 else f"{len(records)} kills"
    return SampledUsage(
        Samples(points),
        f"pod {pod}, container {names[0]}: what was read before {kills}",
        _container_limit(records),
    )


def sample_points(manifest: Json) -> list[UsagePoint]:
    """Return the readings in an OOMKill; those that are damaged are left out."""
    memory = object_at(manifest, "memory")
    readings = [*objects_at(memory, "history"), *objects_at(memory, "samples"), memory]
    found = {time_at(each, "at"): bytes_at(each, "usage") for each in readings}
    known = [(at.timestamp(), usage) for at, usage in found.items() if at and usage is not None]
    return [UsagePoint(*each) for each in sorted(known)]


def _container_limit(records: Sequence[KillRecord]) -> int | None:
    """Return the latest limit that was the container's."""
    limits = [
        (record.found.timestamp() if record.found else 0.0, record.limit)
        for record in records
        if record.cause == "ContainerLimit" and record.limit
    ]
    return max(limits)[1] if limits else None


def live(
    cluster: Cluster, namespace: str, pod: str, container: str | None, when: Schedule
) -> SampledUsage:
    """Read the working set of a container from metrics.k8s.io.

    Raises:
        CliError: There are no metrics of it, or it is not clear of which container.
    """
    name, limit = _container(cluster, namespace, pod, container)

    def read() -> UsagePoint | None:
        try:
            return _working_set(cluster.get(POD_METRICS, namespace, pod), name)
        except NotFoundError:
            return None

    first = _first_metrics(cluster, namespace, pod, name)
    points = [first, *watched(read, when)]
    note = "" if read() else "the pod has ended"
    source = f"pod {pod}, container {name}: working set, from metrics.k8s.io"
    return SampledUsage(Samples(points), source, limit, note)


def _first_metrics(cluster: Cluster, namespace: str, pod: str, container: str) -> UsagePoint:
    try:
        found = _working_set(cluster.get(POD_METRICS, namespace, pod), container)
    except NotFoundError as error:
        raise CliError(
            f"there are no metrics of pod {pod}: metrics-server needs a minute after its start, "
            "and has to be installed"
        ) from error
    if found is None:
        raise CliError(f"the metrics of pod {pod} have no container {container}")
    return found


def _working_set(metrics: Json, container: str) -> UsagePoint | None:
    at = time_at(metrics, "timestamp")
    for each in objects_at(metrics, "containers"):
        usage = bytes_at(object_at(each, "usage"), "memory")
        if text_at(each, "name") == container and usage is not None and at is not None:
            return UsagePoint(at.timestamp(), usage)
    return None


def _container(
    cluster: Cluster, namespace: str, pod: str, wanted: str | None
) -> tuple[str, int | None]:
    """Return the container to watch and its limit; without the right to see pods as given."""
    try:
        found = _limits(cluster.get(PODS, namespace, pod))
    except ForbiddenError:
        if wanted is None:
            raise
        return wanted, None
    if wanted is None and len(found) > 1:
        raise CliError(ONE_OF.format(pod=pod, names=", ".join(found)), USAGE)
    name = wanted or next(iter(found), "")
    if name not in found:
        raise CliError(f"pod {pod} has no container {name}; it has {', '.join(found)}", USAGE)
    return name, found[name]


def _limits(pod: Json) -> Mapping[str, int | None]:
    containers: Iterable[Json] = objects_at(object_at(pod, "spec"), "containers")
    return {
        text_at(each, "name") or "": bytes_at(
            object_at(object_at(each, "resources"), "limits"), "memory"
        )
        for each in containers
    }
