"""The policies in examples/, applied to the pods of a story."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from e2e.world import World

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def example(
    file: str, namespace: str, *, name: str | None = None, labels: dict[str, str] | None = None
) -> dict[str, Any]:
    """Read a policy of examples/ and limit it to one namespace.

    An OOMPolicy is created in that namespace. A ClusterOOMPolicy selects only that namespace, and
    the namespace becomes part of its name.

    Args:
        file: The file's name without `.yaml`.
        namespace: The story's namespace.
        name: The policy's name in place of the example's.
        labels: The pod labels to select in place of the example's.
    """
    manifest: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{file}.yaml").read_text())
    metadata, spec = manifest["metadata"], manifest["spec"]
    metadata["name"] = name or metadata["name"]
    if labels is not None:
        spec["podSelector"] = {"matchLabels": labels}
    if manifest["kind"] == "ClusterOOMPolicy":
        metadata["name"] += f"-{namespace}"
        spec["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    else:
        metadata["namespace"] = namespace
    return manifest


@contextmanager
def applied_cluster_policy(world: World, manifest: dict[str, Any]) -> Iterator[str]:
    """Apply a ClusterOOMPolicy, which outlives the story's namespace, and delete it afterwards."""
    name: str = manifest["metadata"]["name"]
    world.apply(manifest)
    try:
        yield name
    finally:
        world.cluster.kubectl("delete", "clusteroompolicy", name)
