"""The mode switch: the ConfigMap that sets the mode of all agents."""

import time
from http import HTTPStatus

from kubernetes import client

from e2e.world import NAMESPACE, World


class ModeSwitch:
    """Reads and sets the mode as an administrator would."""

    def __init__(self, world: World) -> None:
        self.world = world

    def set_mode(self, mode: str) -> float:
        """Set the mode, and return the time of the change in monotonic seconds."""
        patch = {"data": {"mode": mode}}
        self.world.core.patch_namespaced_config_map("oomwarden-control", NAMESPACE, patch)
        return time.monotonic()

    def mode(self) -> str | None:
        """Return the mode, or None if the ConfigMap does not exist."""
        try:
            found = self.world.core.read_namespaced_config_map("oomwarden-control", NAMESPACE)
        except client.ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return str(found.data["mode"])
