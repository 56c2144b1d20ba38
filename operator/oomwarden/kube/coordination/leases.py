"""The Lease by which operators agree on the one that works."""

from http import HTTPStatus

from msgspec import Struct

from oomwarden.core.objects.json_parts import Manifest
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.resources import Resource

_Lease = Resource("coordination.k8s.io", "v1", "Lease", "leases")


class Leases(Struct, frozen=True):
    """One Lease. Each call may raise one of kube.transport.errors.API_ERRORS.

    Attributes:
        client: The API client.
        namespace: The Lease's namespace.
        name: The Lease's name.
    """

    client: Client
    namespace: str
    name: str

    async def read(self) -> Manifest | None:
        """Read the Lease. Return None if it does not exist."""
        try:
            return await self.client.get(_Lease, self.name, self.namespace)
        except ApiError as error:
            if error.status.code == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def create(self, lease: Manifest) -> Manifest | None:
        """Create the Lease. Return None if it exists by now."""
        labels = {"app.kubernetes.io/part-of": "oomwarden"}
        metadata = {"name": self.name, "namespace": self.namespace, "labels": labels}
        try:
            return await self.client.create(_Lease, {**lease, "metadata": metadata})
        except ApiError as error:
            if error.status.code == HTTPStatus.CONFLICT:
                return None
            raise

    async def replace(self, lease: Manifest) -> Manifest | None:
        """Replace the version that was read. Return None if it has changed, or is gone."""
        try:
            return await self.client.replace(_Lease, lease)
        except ApiError as error:
            if error.status.code in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                return None
            raise
