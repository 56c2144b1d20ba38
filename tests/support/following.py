"""A watch that follows what a fake API server says, one answer after another."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.reflector import follow
from oomwarden.kube.transport.resources import OOMPolicy

from tests.support.fake_api import Answer, FakeApi

POLICIES = ListOptions(OOMPolicy)


@dataclass
class Names:
    """A sink that writes down what it is told."""

    told: list[str] = field(default_factory=list)

    def replace(self, objects: list[dict[str, Any]]) -> None:
        self.told.append("=" + ",".join(each["metadata"]["name"] for each in objects))

    def apply(self, manifest: dict[str, Any]) -> None:
        self.told.append("+" + manifest["metadata"]["name"])

    def delete(self, manifest: dict[str, Any]) -> None:
        self.told.append("-" + manifest["metadata"]["name"])


class EndOfStoryError(Exception):
    """Ends `follow`, which never ends by itself."""


@dataclass
class Follow:
    """Runs `follow` against told answers until all of them are used up."""

    api: FakeApi
    sink: Names = field(default_factory=Names)
    pauses: list[float] = field(default_factory=list)
    heard: int = 0

    async def run(self) -> "Follow":
        async with self.api.client() as client:
            with pytest.raises(EndOfStoryError):
                await follow(client, POLICIES, self.sink, self._progress, self._sleep)
        return self

    def _progress(self) -> None:
        self.heard += 1

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if not self.api.answers:
            raise EndOfStoryError

    @property
    def versions(self) -> list[str | None]:
        return [request.query.get("resourceVersion") for request in self.api.requests]


async def story(*answers: Answer) -> Follow:
    return await Follow(FakeApi(list(answers))).run()
