"""A hand on the one switch."""

import time
from http import HTTPStatus

from kubernetes import client

from e2e.world import NAMESPACE, World


class SwitchHand:
    """Turns the switch as an administrator would."""

    def __init__(self, world: World) -> None:
        self.world = world

    def turn(self, mode: str) -> float:
        """Turn it; gives when that was, in monotonic seconds."""
        patch = {"data": {"mode": mode}}
        self.world.core.patch_namespaced_config_map("oomwarden-control", NAMESPACE, patch)
        return time.monotonic()

    def mode(self) -> str | None:
        """Read it; None: there is none."""
        try:
            found = self.world.core.read_namespaced_config_map("oomwarden-control", NAMESPACE)
        except client.ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return str(found.data["mode"])
