"""The cluster as the sub-commands see it: objects as the API server writes them."""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from oomwarden.cli.cluster.errors import NOT_INSTALLED, ExpiredError, NotFoundError
from oomwarden.cli.cluster.resources import ApiResource, with_query
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.core.objects.deep_json import loads
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.object_names import is_object_name

if TYPE_CHECKING:
    from oomwarden.cli.cluster.login import ApiConnection

PAGE = 500
MERGE_PATCH = "application/merge-patch+json"


class Cluster:
    """Reads and writes objects. The connection is made when it is first needed."""

    def __init__(self, kubeconfig: str | None, context: str | None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context

    @cached_property
    def connection(self) -> "ApiConnection":
        """The connection to the API server.

        Raises:
            CliError: There is no usable kubeconfig.
        """
        from oomwarden.cli.cluster.login import log_in  # noqa: PLC0415 - half of the start-up

        return log_in(self._kubeconfig, self._context)

    def namespace(self, given: str | None) -> str:
        """Return the namespace that a person named, or that of the context.

        Raises:
            CliError: No namespace can have this name, or there is no usable kubeconfig.
        """
        if given is not None and not is_object_name(given):
            raise CliError(f"no namespace can be named {given!r}", USAGE)
        return given or self.connection.namespace

    def get(self, resource: ApiResource, namespace: str | None, name: str) -> Manifest:
        """Return an object.

        Raises:
            NotFoundError: It does not exist.
            ForbiddenError: The user may not get it.
            CliError: The API server does not answer.
        """
        right = resource.right("get", namespace, name)
        return self.request("GET", resource.path(namespace, name), right)

    def find(self, resource: ApiResource, namespace: str | None, name: str) -> Manifest | None:
        """Return an object, or None if it does not exist."""
        try:
            return self.get(resource, namespace, name)
        except NotFoundError:
            return None

    def items(
        self, resource: ApiResource, namespace: str | None = None, selector: str | None = None
    ) -> Iterator[Manifest]:
        """Yield the objects of one namespace or of all (None), page by page.

        Raises:
            NotFoundError: The cluster does not know the resource.
            ForbiddenError: The user may not list them.
            CliError: The API server does not answer.
        """
        yield from self.listing(resource, namespace, selector)[0]

    def listing(
        self, resource: ApiResource, namespace: str | None = None, selector: str | None = None
    ) -> tuple[list[Manifest], str]:
        """Return the objects and the version from which a watch continues."""
        found: list[Manifest] = []
        following: str | None = None
        while True:
            page = self._page(resource, namespace, selector, following)
            found += page.get("items") or []
            following = page["metadata"].get("continue")
            if not following:
                return found, str(page["metadata"].get("resourceVersion", ""))

    def _page(
        self,
        resource: ApiResource,
        namespace: str | None,
        selector: str | None,
        following: str | None,
    ) -> Manifest:
        query = {"limit": PAGE, "labelSelector": selector, "continue": following}
        path = with_query(resource.path(namespace), **query)
        try:
            return self.request("GET", path, resource.right("list", namespace))
        except NotFoundError as error:
            if resource.group.endswith("oomwarden.io"):
                raise NotFoundError(NOT_INSTALLED.format(resource=resource.plural)) from error
            raise

    def watch(
        self, resource: ApiResource, namespace: str | None, selector: str | None, version: str
    ) -> Iterator[tuple[str, Manifest]]:
        """Yield the changes since a version: ADDED, MODIFIED or DELETED, and the object.

        Raises:
            ExpiredError: The API server has forgotten the version; list again.
            ForbiddenError: The user may not watch them.
            CliError: The API server does not answer.
        """
        query = {"watch": "true", "labelSelector": selector, "resourceVersion": version}
        path = with_query(resource.path(namespace), allowWatchBookmarks="true", **query)
        rest = b""
        for piece in self.connection.stream(path, resource.right("watch", namespace)):
            *lines, rest = (rest + piece).split(b"\n")
            for line in filter(None, lines):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ExpiredError("the watch ended; run the command again")
                yield event["type"], event["object"]

    def text(self, path: str, right: str) -> str:
        """Return an answer that is no object, such as a log.

        Raises:
            CliError: The API server refuses, or does not answer.
        """
        return self.connection.request("GET", path, right).decode(errors="replace")

    def request(
        self, method: str, path: str, right: str, body: object = None, content: str | None = None
    ) -> Manifest:
        """Send a request and return the object that answers it.

        Raises:
            CliError: The API server refuses, does not answer, or answers with something else.
        """
        answer = self.connection.request(method, path, right, body, content)
        try:
            found = loads(answer)
        except ValueError as error:
            raise CliError(
                f"{self.connection.server} does not answer like an API server"
            ) from error
        if not isinstance(found, dict):
            raise CliError(f"{self.connection.server} does not answer like an API server")
        return found
