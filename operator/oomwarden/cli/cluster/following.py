"""Objects as they come: `-w`."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ExpiredError
from oomwarden.cli.cluster.resources import ApiResource
from oomwarden.core.objects.json_parts import Manifest

T = TypeVar("T")


def changes(
    cluster: Cluster, resource: ApiResource, namespace: str | None, selector: str | None
) -> Iterator[Manifest]:
    """Yield each object of a list, then each that is added or changed, until interrupted.

    Raises:
        CliError: The API server refuses, or no longer answers.
    """
    seen: dict[str, str] = {}
    while True:
        found, version = cluster.listing(resource, namespace, selector)
        yield from (each for each in found if _is_news(each, seen))
        try:
            for kind, each in cluster.watch(resource, namespace, selector, version):
                version = each["metadata"]["resourceVersion"]
                if kind in {"ADDED", "MODIFIED"} and _is_news(each, seen):
                    yield each
        except ExpiredError:
            continue


def print_each(found: Iterable[T], shown: Callable[[T, bool], str], *, headed: bool) -> None:
    """Print objects as they come, with headings above the first.

    Args:
        found: The objects.
        shown: Returns the text of one, with headings or without.
        headed: Whether there are headings at all.
    """
    for each in found:
        sys.stdout.write(shown(each, headed))
        sys.stdout.flush()
        headed = False


def _is_news(manifest: Manifest, seen: dict[str, str]) -> bool:
    """Return whether this version of an object was not seen yet."""
    metadata = manifest["metadata"]
    uid, version = str(metadata["uid"]), str(metadata["resourceVersion"])
    is_news = seen.get(uid) != version
    seen[uid] = version
    return is_news
