"""Objects that no reader expects: they are passed over, and keep nothing else waiting."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from oomwarden.core.objects.passed_over import UnreadableObjects
from oomwarden.kube.transport.client import Listing, ListOptions
from oomwarden.kube.transport.guarded_sink import guarded
from oomwarden.kube.transport.kept import Kept
from oomwarden.kube.transport.reflector import follow
from oomwarden.kube.transport.resources import OOMPolicy

from tests.support.fake_api import Answer, FakeApi, listing, thing, watch
from tests.support.following import POLICIES, EndOfStoryError, Follow, Names, story


class Picky(Names):
    """A sink that cannot take what is called `bad`."""

    def replace(self, objects: list[dict[str, Any]]) -> None:
        self._look_at(objects)
        super().replace(objects)

    def apply(self, manifest: dict[str, Any]) -> None:
        self._look_at([manifest])
        super().apply(manifest)

    def delete(self, manifest: dict[str, Any]) -> None:
        self._look_at([manifest])
        super().delete(manifest)

    def _look_at(self, manifests: list[dict[str, Any]]) -> None:
        if any(each["metadata"]["name"] == "bad" for each in manifests):
            raise ValueError("bad\nforged line")


async def test_an_object_that_the_sink_cannot_take_is_passed_over_and_the_others_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    changes = [("ADDED", thing("b", 8)), ("MODIFIED", thing("bad", 9)), ("ADDED", thing("c", 10))]
    picky = Picky()
    api = FakeApi([listing(7, "a", "bad"), watch(*changes), watch()])
    told = await Follow(api, picky).run()
    assert picky.told == ["=", "+a", "+b", "+c"]
    assert told.versions == ["0", "7", "10"]
    warnings = [record.getMessage() for record in caplog.records if "bad" in record.getMessage()]
    assert len(warnings) == 2
    for each in warnings:
        assert each.startswith(r"OOMPolicy bad is passed over: bad\nforged line (ValueError at ")
        assert each.isprintable()


async def test_what_is_passed_over_is_counted_until_it_can_be_read_or_is_gone() -> None:
    passed_over, counts = UnreadableObjects(), list[int]()
    sink = guarded(Picky(), OOMPolicy, passed_over)
    for kind, name in (("+", "bad"), ("+", "a"), ("-", "bad"), ("+", "bad")):
        (sink.apply if kind == "+" else sink.delete)(thing(name))
        counts.append(passed_over.total)
    sink.replace([thing("a"), thing("c")])
    assert [*counts, passed_over.total] == [1, 1, 0, 1, 0]


async def test_whatever_a_source_raises_following_goes_on_from_a_new_list() -> None:
    class Broken:
        def __init__(self) -> None:
            self.versions: list[str | None] = []

        async def listing(self, _: ListOptions, version: str | None = "0") -> Listing:
            self.versions.append(version)
            if len(self.versions) <= 2:
                raise KeyError("metadata")
            return Listing("7", [thing("a")])

        async def watching(
            self, _: ListOptions, version: str, seconds: int
        ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
            assert seconds
            self.versions.append(version)
            yield "OPEN", {}

    source, told = Broken(), Follow(FakeApi([]))

    async def sleep(_: float) -> None:
        if told.sink.told:
            raise EndOfStoryError

    with pytest.raises(EndOfStoryError):
        await follow(source, POLICIES, told.sink, told._progress, sleep)
    assert (told.sink.told, source.versions[-1]) == (["=a"], "7")


async def test_a_text_with_line_ends_of_its_own_is_one_event() -> None:
    named = thing("b", 8)
    named["metadata"]["annotations"] = {"note": "one\u0085two\u2028three\x0b"}
    line = json.dumps({"type": "ADDED", "object": named}, ensure_ascii=False) + "\n"
    told = await story(listing(7), Answer(lines=(line,)), watch())
    assert told.sink.told == ["=", "+b"]
    assert told.versions == ["0", "7", "8"]


DEEP = '{"f:a":' * 9_900 + "1" + "}" * 9_900


def deep(name: str, version: int) -> str:
    """Write an object with managedFields as deep as the API server takes them."""
    plain = json.dumps(thing(name, version))
    return plain.replace('"metadata": {', f'"metadata": {{"managedFields": [{DEEP}], ', 1)


async def test_objects_that_are_nested_deeper_than_python_reads_are_taken() -> None:
    items = f'{{"metadata": {{"resourceVersion": "7"}}, "items": [{deep("a", 6)}]}}'
    line = f'{{"type": "ADDED", "object": {deep("b", 8)}}}\n'
    told = await story(Answer(lines=(items,)), Answer(lines=(line,)), watch())
    assert told.sink.told == ["=a", "+b"]
    api = FakeApi([Answer(lines=(deep("a", 6),))])
    async with api.client() as client:
        assert (await client.get(OOMPolicy, "a", namespace="shop"))["metadata"]["name"] == "a"


async def test_an_event_that_can_never_be_read_does_not_hold_the_watch_up() -> None:
    broken = Answer(lines=('{"type": "ADDED", "object": 7}\n',))
    told = await story(listing(7), broken, broken, listing(9, "a"), watch())
    assert told.versions == ["0", "7", "7", "7", "9"]
    assert told.sink.told == ["=", "=a"]


async def test_of_a_list_what_cannot_be_kept_is_noted_and_the_others_are_taken() -> None:
    def keep(manifest: dict[str, Any]) -> dict[str, Any]:
        if manifest["metadata"]["name"] == "bad":
            raise TypeError("bad\nforged line")
        return manifest

    passed_over, names = UnreadableObjects(), Names()

    async def sleep(_: float) -> None:
        if len(api.requests) > 2:
            raise EndOfStoryError

    api = FakeApi([listing(7, "a", "bad", "c"), watch(("ADDED", thing("d", 8))), watch()])
    async with api.client() as client:
        sure = guarded(names, OOMPolicy, passed_over)
        with pytest.raises(EndOfStoryError):
            await follow(Kept(client, of_list=keep), POLICIES, sure, lambda: None, sleep)
    assert names.told == ["=a,c", "+d"]
    assert "OOMPolicy bad: bad\\nforged line (TypeError at " in passed_over.message()
    assert passed_over.total == 1
