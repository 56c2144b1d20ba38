"""The mode switch: ConfigMap `oomwarden-control`, which is part of no manifest.

Helm, Argo CD and Flux reset what they install to the manifest. They would revert an
administrator's Pause at the next upgrade or sync.
"""

from http import HTTPStatus

from msgspec import Struct

from oomwarden.core.model.mode import MODE_CONFIGMAP, EnforcementMode
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.requests import Patch, PatchType
from oomwarden.kube.transport.resources import ConfigMap, Resource

CREATED_ANNOTATION = "oomwarden.io/switch-made"
"""Annotation on the operator's ServiceAccount, which exists as long as the installation."""
_MANAGER = "oomwarden-operator"
_MODES = "Enforce; Pause: make no further changes; Release: restore everything, enforce nothing"
_ServiceAccount = Resource("", "v1", "ServiceAccount", "serviceaccounts")


class ModeConfigMap(Struct, frozen=True):
    """The ConfigMap. Each call may raise one of kube.transport.errors.API_ERRORS.

    Attributes:
        client: The API client.
        namespace: Namespace of the ConfigMap and of the operator.
    """

    client: Client
    namespace: str

    async def exists(self) -> bool:
        """Return whether the ConfigMap exists."""
        try:
            await self.client.get(ConfigMap, MODE_CONFIGMAP, namespace=self.namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    async def create(self, mode: EnforcementMode) -> None:
        """Create the ConfigMap. Leave it unchanged if it exists by now.

        It has no label `app.kubernetes.io/instance`, by which Argo CD finds objects to prune.
        """
        metadata = {
            "name": MODE_CONFIGMAP,
            "namespace": self.namespace,
            "labels": {"app.kubernetes.io/part-of": "oomwarden"},
            "annotations": {"oomwarden.io/modes": _MODES},
        }
        switch = {"metadata": metadata, "data": {"mode": str(mode)}}
        try:
            await self.client.create(ConfigMap, switch, field_manager=_MANAGER)
        except ApiError as error:
            if error.status.code != HTTPStatus.CONFLICT:
                raise

    async def set_mode(self, mode: EnforcementMode) -> None:
        """Set the mode, and create the ConfigMap if it does not exist."""
        patch = Patch({"data": {"mode": str(mode)}}, PatchType.MERGE, _MANAGER)
        try:
            await self.client.patch(ConfigMap, MODE_CONFIGMAP, patch, self.namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            await self.create(mode)

    async def remove(self) -> None:
        """Delete the ConfigMap."""
        try:
            await self.client.delete(ConfigMap, MODE_CONFIGMAP, namespace=self.namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise

    async def was_created(self, account: str) -> bool:
        """Return whether this installation has ever created the ConfigMap.

        Args:
            account: Name of the operator's ServiceAccount.
        """
        found = await self.client.get(_ServiceAccount, account, namespace=self.namespace)
        return CREATED_ANNOTATION in ((found.get("metadata") or {}).get("annotations") or {})

    async def mark_created(self, account: str) -> None:
        """Record on the operator's ServiceAccount that the ConfigMap was created."""
        content = {"metadata": {"annotations": {CREATED_ANNOTATION: "true"}}}
        patch = Patch(content, PatchType.MERGE, _MANAGER)
        await self.client.patch(_ServiceAccount, account, patch, self.namespace)
