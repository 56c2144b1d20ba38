"""Objects of unexpected shape are passed over and do not block others."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.kube.transport.client import Listing, ListOptions
from oomwarden.kube.transport.guarded_handler import guard
from oomwarden.kube.transport.reflector import list_and_watch
from oomwarden.kube.transport.resources import OOMPolicy
from oomwarden.kube.transport.transform import TransformingListerWatcher

from tests.support.fake_api import Answer, FakeApi, listing, thing, watch
from tests.support.reflector_run import (
    POLICIES,
    RecordingHandler,
    ReflectorRun,
    RunEndedError,
    run_reflector,
)


class Picky(RecordingHandler):
    """A handler that raises for objects named `bad`."""

    def replace(self, objects: list[dict[str, Any]]) -> None:
        self._check(objects)
        super().replace(objects)

    def apply(self, manifest: dict[str, Any]) -> None:
        self._check([manifest])
        super().apply(manifest)

    def delete(self, manifest: dict[str, Any]) -> None:
        self._check([manifest])
        super().delete(manifest)

    def _check(self, manifests: list[dict[str, Any]]) -> None:
        if any(each["metadata"]["name"] == "bad" for each in manifests):
            raise ValueError("bad\nforged line")


async def test_only_the_object_that_the_handler_cannot_handle_is_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    changes = [("ADDED", thing("b", 8)), ("MODIFIED", thing("bad", 9)), ("ADDED", thing("c", 10))]
    picky = Picky()
    api = FakeApi([listing(7, "a", "bad"), watch(*changes), watch()])
    run = await ReflectorRun(api, picky).run()
    assert picky.calls == ["=", "+a", "+b", "+c"]
    assert run.versions == ["0", "7", "10"]
    warnings = [record.getMessage() for record in caplog.records if "bad" in record.getMessage()]
    assert len(warnings) == 2
    for each in warnings:
        assert each.startswith(r"OOMPolicy bad is passed over: bad\nforged line (ValueError at ")
        assert each.isprintable()


async def test_objects_count_as_passed_over_until_they_are_readable_or_deleted() -> None:
    passed_over, counts = UnreadableObjects(), list[int]()
    handler = guard(Picky(), OOMPolicy, passed_over)
    for kind, name in (("+", "bad"), ("+", "a"), ("-", "bad"), ("+", "bad")):
        (handler.apply if kind == "+" else handler.delete)(thing(name))
        counts.append(passed_over.total)
    handler.replace([thing("a"), thing("c")])
    assert [*counts, passed_over.total] == [1, 1, 0, 1, 0]


async def test_after_any_error_of_the_lister_the_reflector_lists_again() -> None:
    class Broken:
        def __init__(self) -> None:
            self.versions: list[str | None] = []

        async def list_objects(self, _: ListOptions, version: str | None = "0") -> Listing:
            self.versions.append(version)
            if len(self.versions) <= 2:
                raise KeyError("metadata")
            return Listing("7", [thing("a")])

        async def watch_objects(
            self, _: ListOptions, version: str, seconds: int
        ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
            assert seconds
            self.versions.append(version)
            yield "OPEN", {}

    source, run = Broken(), ReflectorRun(FakeApi([]))

    async def sleep(_: float) -> None:
        if run.handler.calls:
            raise RunEndedError

    with pytest.raises(RunEndedError):
        await list_and_watch(source, POLICIES, run.handler, run._progress, sleep)
    assert (run.handler.calls, source.versions[-1]) == (["=a"], "7")


async def test_a_string_with_other_line_ends_does_not_split_an_event() -> None:
    named = thing("b", 8)
    named["metadata"]["annotations"] = {"note": "one\u0085two\u2028three\x0b"}
    line = json.dumps({"type": "ADDED", "object": named}, ensure_ascii=False) + "\n"
    run = await run_reflector(listing(7), Answer(lines=(line,)), watch())
    assert run.handler.calls == ["=", "+b"]
    assert run.versions == ["0", "7", "8"]


DEEP = '{"f:a":' * 9_900 + "1" + "}" * 9_900


def deep(name: str, version: int) -> str:
    """Return an object with managedFields as deeply nested as the API server accepts."""
    plain = json.dumps(thing(name, version))
    return plain.replace('"metadata": {', f'"metadata": {{"managedFields": [{DEEP}], ', 1)


async def test_objects_nested_deeper_than_the_json_module_supports_are_read() -> None:
    items = f'{{"metadata": {{"resourceVersion": "7"}}, "items": [{deep("a", 6)}]}}'
    line = f'{{"type": "ADDED", "object": {deep("b", 8)}}}\n'
    run = await run_reflector(Answer(lines=(items,)), Answer(lines=(line,)), watch())
    assert run.handler.calls == ["=a", "+b"]
    api = FakeApi([Answer(lines=(deep("a", 6),))])
    async with api.client() as client:
        assert (await client.get(OOMPolicy, "a", namespace="shop"))["metadata"]["name"] == "a"


async def test_an_unreadable_event_does_not_block_the_watch() -> None:
    broken = Answer(lines=('{"type": "ADDED", "object": 7}\n',))
    run = await run_reflector(listing(7), broken, broken, listing(9, "a"), watch())
    assert run.versions == ["0", "7", "7", "7", "9"]
    assert run.handler.calls == ["=", "=a"]


async def test_unreadable_objects_of_a_list_are_reported_and_the_others_handled() -> None:
    def keep(manifest: dict[str, Any]) -> dict[str, Any]:
        if manifest["metadata"]["name"] == "bad":
            raise TypeError("bad\nforged line")
        return manifest

    passed_over, names = UnreadableObjects(), RecordingHandler()

    async def sleep(_: float) -> None:
        if len(api.requests) > 2:
            raise RunEndedError

    api = FakeApi([listing(7, "a", "bad", "c"), watch(("ADDED", thing("d", 8))), watch()])
    async with api.client() as client:
        guarded = guard(names, OOMPolicy, passed_over)
        with pytest.raises(RunEndedError):
            await list_and_watch(
                TransformingListerWatcher(client, list_transform=keep),
                POLICIES,
                guarded,
                lambda: None,
                sleep,
            )
    assert names.calls == ["=a,c", "+d"]
    assert "OOMPolicy bad: bad\\nforged line (TypeError at " in passed_over.message()
    assert passed_over.total == 1
