"""A cluster that plays a script of a kill; seconds pass when the test sleeps."""

from dataclasses import dataclass, field
from typing import Any

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError
from oomwarden.cli.cluster.resources import ApiResource
from oomwarden.cli.errors import CliError
from oomwarden.core.kill_test.sacrifice import CONTAINER

from tests.support.kill_objects import oomkill

NEVER = 1e9
RECORD = "oom-test-1-aaaa"


@dataclass
class Script:
    """What happens when, in seconds, and what the user may not do."""

    scheduled: float = 0.1
    killed: float = 3.0
    recorded: float = 2.5
    event: float = 2.6
    ended: dict[str, Any] = field(
        default_factory=lambda: {
            "reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-01T10:00:00Z",
        }
    )  # fmt: skip
    forbidden: tuple[str, ...] = ()
    fails_to_create: bool = False


class PlayedCluster(Cluster):
    """Answers as the script says."""

    def __init__(self, script: Script) -> None:
        super().__init__(None, None)
        self.script = script
        self.now = 0.0
        self.created: list[object] = []
        self.deleted: list[object] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get(self, resource: ApiResource, namespace: str | None, name: str) -> dict[str, Any]:
        del namespace, name
        self._check(resource.plural)
        script = self.script
        spec = {"nodeName": "node-1"} if self.now >= script.scheduled else {}
        state: dict[str, Any] = {"waiting": {"reason": "ImagePullBackOff", "message": "no image"}}
        if self.now >= script.killed:
            state = {"terminated": script.ended}
        status = [{"name": CONTAINER, "state": state}] if spec else []
        return {"spec": spec, "status": {"containerStatuses": status}}

    def find(self, resource: ApiResource, namespace: str | None, name: str) -> Any:  # noqa: ANN401
        del namespace, name
        self._check(resource.plural)
        if self.now < self.script.event:
            return None
        return {"reason": "OOMKilled", "note": "container sacrifice: python3 killed. More."}

    def listing(
        self, resource: ApiResource, namespace: str | None = None, selector: str | None = None
    ) -> tuple[list[dict[str, Any]], str]:
        del namespace
        self._check(resource.plural)
        found = self.now >= self.script.recorded and selector == "oomwarden.io/pod-uid=u1"
        return ([oomkill(RECORD, limit="32Mi")] if found else []), "7"

    def request(
        self, method: str, path: str, right: str, body: object = None, content: str | None = None
    ) -> dict[str, Any]:
        del right, content
        self._check(f"{method} {path.partition('?')[0].rpartition('/')[2]}")
        if method == "POST":
            self.created.append(body)
            if self.script.fails_to_create:
                raise CliError("the API server does not answer")
            return {"metadata": {"uid": "u1"}}
        assert method != "GET" or "labelSelector=app%3Dagent&fieldSelector=spec.nodeName" in path
        if method == "DELETE":
            self.deleted.append(body)
            return {}
        return {"items": [{"metadata": {"name": "agent-1"}}]}

    def text(self, path: str, right: str) -> str:
        del right
        self._check(path.partition("?")[0].rpartition("/")[2])
        if path.endswith("/metrics"):
            assert path.startswith("/api/v1/namespaces/oomwarden/pods/agent-1%3A9808/proxy/")
            return f"oomwarden_recorded_kills_total {7 + (self.now >= self.script.killed)}.0\n"
        return "1793527199.5\n1793527199.75\n"

    def _check(self, what: str) -> None:
        if what in self.script.forbidden:
            raise ForbiddenError(f"you may not {what}")
