"""Runs the reflector against a fake API server with prepared responses."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.reflector import list_and_watch
from oomwarden.kube.transport.resources import OOMPolicy

from tests.support.fake_api import Answer, FakeApi

POLICIES = ListOptions(OOMPolicy)


@dataclass
class RecordingHandler:
    """An event handler that records its calls."""

    calls: list[str] = field(default_factory=list)

    def replace(self, objects: list[dict[str, Any]]) -> None:
        self.calls.append("=" + ",".join(each["metadata"]["name"] for each in objects))

    def apply(self, manifest: dict[str, Any]) -> None:
        self.calls.append("+" + manifest["metadata"]["name"])

    def delete(self, manifest: dict[str, Any]) -> None:
        self.calls.append("-" + manifest["metadata"]["name"])


class RunEndedError(Exception):
    """Ends `list_and_watch`, which never returns."""


@dataclass
class ReflectorRun:
    """Runs `list_and_watch` until all responses of the fake API server are used."""

    api: FakeApi
    handler: RecordingHandler = field(default_factory=RecordingHandler)
    pauses: list[float] = field(default_factory=list)
    progress_calls: int = 0

    async def run(self) -> "ReflectorRun":
        async with self.api.client() as client:
            with pytest.raises(RunEndedError):
                await list_and_watch(client, POLICIES, self.handler, self._progress, self._sleep)
        return self

    def _progress(self) -> None:
        self.progress_calls += 1

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if not self.api.answers:
            raise RunEndedError

    @property
    def versions(self) -> list[str | None]:
        return [request.query.get("resourceVersion") for request in self.api.requests]


async def run_reflector(*answers: Answer) -> ReflectorRun:
    return await ReflectorRun(FakeApi(list(answers))).run()
