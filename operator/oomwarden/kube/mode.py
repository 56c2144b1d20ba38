"""The switch as an object: ConfigMap `oomwarden-control`, which no tool's manifest contains.

Helm, Argo CD and Flux keep what they install as it is in the manifest; an object of theirs would
lose an administrator's Pause at the next upgrade or sync.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType

from oomwarden.core.model.mode import EnforcementMode
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.resources import ConfigMap

CONTROL = "oomwarden-control"
MADE = "oomwarden.io/switch-made"
"""Annotation of the operator's ServiceAccount, which lives as long as the installation."""
_MANAGER = "oomwarden-operator"
_MODES = "Enforce; Pause: change nothing more; Release: put everything back, enforce nothing"
_ServiceAccount = create_namespaced_resource("", "v1", "ServiceAccount", "serviceaccounts")


@dataclass(frozen=True, slots=True)
class ModeConfigMap:
    """Each call raises one of kube.errors.API_ERRORS. `namespace` is where the switch is."""

    client: Client
    namespace: str

    async def exists(self) -> bool:
        """Whether there is a switch."""
        try:
            await self.client.get(ConfigMap, CONTROL, namespace=self.namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    async def make(self, mode: EnforcementMode) -> None:
        """Make the switch; another one that has come meanwhile stays as it is.

        It has no label `app.kubernetes.io/instance`: by that Argo CD knows what it may prune.
        """
        metadata = {
            "name": CONTROL,
            "namespace": self.namespace,
            "labels": {"app.kubernetes.io/part-of": "oomwarden"},
            "annotations": {"oomwarden.io/modes": _MODES},
        }
        switch = {"metadata": metadata, "data": {"mode": str(mode)}}
        try:
            await self.client.create(ConfigMap.from_dict(switch), field_manager=_MANAGER)
        except ApiError as error:
            if error.status.code != HTTPStatus.CONFLICT:
                raise

    async def set_mode(self, mode: EnforcementMode) -> None:
        """Turn the switch; make it where there is none."""
        how: dict[str, Any] = {"patch_type": PatchType.MERGE, "field_manager": _MANAGER}
        content = {"data": {"mode": str(mode)}}
        try:
            await self.client.patch(ConfigMap, CONTROL, content, namespace=self.namespace, **how)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            await self.make(mode)

    async def remove(self) -> None:
        """Delete the switch."""
        try:
            await self.client.delete(ConfigMap, CONTROL, namespace=self.namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise

    async def was_made(self, account: str) -> bool:
        """Whether this installation has had a switch; `account` is the operator's own."""
        found = await self.client.get(_ServiceAccount, account, namespace=self.namespace)
        return MADE in ((found.get("metadata") or {}).get("annotations") or {})

    async def note_made(self, account: str) -> None:
        """Note on the operator's account that this installation has had a switch."""
        content = {"metadata": {"annotations": {MADE: "true"}}}
        how: dict[str, Any] = {"patch_type": PatchType.MERGE, "field_manager": _MANAGER}
        await self.client.patch(_ServiceAccount, account, content, namespace=self.namespace, **how)
