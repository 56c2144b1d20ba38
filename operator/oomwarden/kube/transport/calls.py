"""Calls of the API server for single objects, which are plain dicts, over any transport."""

from collections.abc import Collection

from oomwarden.core.objects.json_parts import Manifest
from oomwarden.kube.http.exchange import ApiRequest, ApiResponse, Transport
from oomwarden.kube.http.failures import TransportError
from oomwarden.kube.transport import requests
from oomwarden.kube.transport.bodies import decode_object, whole
from oomwarden.kube.transport.error_counts import ApiErrorCounts
from oomwarden.kube.transport.errors import error_from_response
from oomwarden.kube.transport.requests import Patch, PatchType
from oomwarden.kube.transport.resources import Resource

_MAX_ERROR_BYTES = 1 << 20


class ObjectCalls:
    """Calls the API server. Each call may raise one of kube.transport.errors.API_ERRORS.

    Attributes:
        errors: Counts the calls that failed.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.errors = ApiErrorCounts()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Manifest:
        """Read an object."""
        return await self._object(requests.get(resource.path(namespace, name), {}))

    async def get_metadata(
        self, resource: Resource, name: str, namespace: str | None = None
    ) -> Manifest:
        """Read an object's metadata; the API server sends nothing else of the object."""
        path = resource.path(namespace, name)
        return await self._object(requests.only_metadata(requests.get(path, {})))

    async def create(
        self, resource: Resource, manifest: Manifest, field_manager: str | None = None
    ) -> Manifest:
        """Create an object, in the namespace of its metadata. Return it as it was stored."""
        namespace = (manifest.get("metadata") or {}).get("namespace")
        content = _typed(resource, manifest)
        query = {"fieldManager": field_manager}
        path = resource.path(namespace)
        return await self._object(requests.write("POST", path, content, query))

    async def post(self, resource: Resource, manifest: Manifest) -> None:
        """Create an object that the API server need not send back."""
        path = resource.path((manifest.get("metadata") or {}).get("namespace"))
        request = requests.write("POST", path, _typed(resource, manifest))
        await self._object(requests.only_metadata(request))

    async def set_status(self, resource: Resource, name: str, status: Manifest) -> None:
        """Replace the status of an object without reading it, whatever its version is.

        Raises:
            ApiError: 404 if there is no such object.
        """
        patch = [{"op": "add", "path": "/status", "value": status}]
        path = resource.of("status").path(None, name)
        request = requests.write("PATCH", path, patch, {}, PatchType.JSON)
        await self._object(requests.only_metadata(request))

    async def replace(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Replace an object by one with the same name. Return it as it was stored."""
        metadata = manifest["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"])
        return await self._object(requests.write("PUT", path, _typed(resource, manifest)))

    async def patch(
        self, resource: Resource, name: str, patch: Patch, namespace: str | None = None
    ) -> Manifest:
        """Change an object. Return it as it was stored."""
        path, query = resource.path(namespace, name), {"fieldManager": patch.field_manager}
        return await self._object(requests.write("PATCH", path, patch.content, query, patch.type))

    async def delete(
        self, resource: Resource, name: str, namespace: str | None = None, **only: str
    ) -> None:
        """Delete an object.

        Args:
            resource: The resource.
            name: The object's name.
            namespace: Its namespace.
            only: `uid` and `resourceVersion` that the object must have; nothing: it is deleted
                whatever it has.

        Raises:
            ApiError: 404 if it is gone, 409 if the object with its name has others.
        """
        options: Manifest = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if only:
            options["preconditions"] = only
        response = await self.send(
            requests.write("DELETE", resource.path(namespace, name), options)
        )
        await self._read(response)

    async def _object(self, request: ApiRequest) -> Manifest:
        response = await self.send(request)
        content = await self._read(response)
        with self.errors.counting():
            return decode_object(content)

    async def _read(self, response: ApiResponse) -> bytes:
        with self.errors.counting():
            try:
                return await whole(response)
            finally:
                await response.body.aclose()

    async def send(
        self, request: ApiRequest, refusals: Collection[int] = frozenset()
    ) -> ApiResponse:
        """Send a request. The response is a success, and its body must be closed.

        Args:
            request: The request.
            refusals: Statuses that are part of normal operation, and are not counted as failures.

        Raises:
            ApiError: The API server refuses.
            TransportError: It cannot be reached.
        """
        with self.errors.counting():
            response = await self._transport.send(request)
        if response.is_success:
            return response
        if response.status not in refusals:
            self.errors.add_status(response.status)
        try:
            content = await whole(response, _MAX_ERROR_BYTES)
        except TransportError:  # the status alone says what happened
            content = b""
        finally:
            await response.body.aclose()
        raise error_from_response(response, content)


def _typed(resource: Resource, manifest: Manifest) -> Manifest:
    return {"apiVersion": resource.api_version, "kind": resource.kind, **manifest}
