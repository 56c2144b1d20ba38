import logging
import socket

import pytest
from oomwarden.kube.transport import client as client_module
from oomwarden.kube.transport import reflector as watch_module
from oomwarden.kube.transport.reflector import follow

from tests.support.fake_api import Answer, FakeApi, client_of, listing, status, thing, watch
from tests.support.following import POLICIES, EndOfStoryError, Follow, story


async def test_the_list_comes_from_the_watch_cache_and_the_watch_continues_it() -> None:
    changes = (("ADDED", thing("b", 8)), ("MODIFIED", thing("b", 9)), ("DELETED", thing("a", 10)))
    told = await story(listing(7, "a"), watch(*changes))
    assert told.sink.told == ["=a", "+b", "+b", "-a"]
    assert told.versions == ["0", "7"]
    assert told.api.requests[1].query["allowWatchBookmarks"] == "true"
    assert told.api.requests[1].path == "/apis/oomwarden.io/v1alpha1/oompolicies"


async def test_a_bookmark_is_heard_and_moves_the_version_but_reaches_no_sink() -> None:
    told = await story(listing(7), watch(("BOOKMARK", thing("", 42))), watch())
    assert told.sink.told == ["="]
    assert told.versions == ["0", "7", "42"]
    assert told.heard == 4  # list, watch opened, bookmark, watch opened


async def test_a_version_that_is_too_old_means_a_new_list_no_older_than_what_was_seen() -> None:
    gone = ("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
    told = await story(listing(7, "a"), watch(gone), listing(9, "b"), watch())
    assert told.sink.told == ["=a", "=b"]
    assert told.versions == ["0", "7", "7", "9"]


async def test_a_list_that_cannot_be_given_at_that_version_comes_from_etcd() -> None:
    refused = status(504, "Timeout", "Too large resource version: 7, current: 3")
    told = await story(listing(7), status(410, "Expired", "x"), refused, listing(9), watch())
    assert told.versions == ["0", "7", "7", None, "9"]


@pytest.mark.parametrize(
    "trouble",
    [
        status(500, "InternalError", "etcd is away"),
        status(403, "Forbidden", "cannot list"),
        status(401, "Unauthorized", "who are you"),
        Answer(503, ("no backend",), {}),
        Answer(200, ("<html>",)),
        Answer(200, ('{"cut',)),
    ],
)
async def test_whatever_the_api_server_answers_following_goes_on(trouble: Answer) -> None:
    told = await story(trouble, trouble, listing(7, "a"), trouble, watch(("ADDED", thing("b", 8))))
    assert told.sink.told == ["=a", "+b"]
    assert told.versions == ["0", "0", "0", "7", "7"]


async def test_one_reason_is_logged_once_and_so_is_the_recovery(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "oomwarden")
    away, forbidden = status(500, "InternalError", "etcd"), status(403, "Forbidden", "no rights")
    await story(away, away, away, forbidden, forbidden, listing(7), watch())
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("oomw")]
    assert len(lines) == 3
    assert "oompolicies" in lines[0]
    assert "etcd" in lines[0]
    assert "no rights" in lines[1]
    assert lines[2] == "following oompolicies again"


async def test_waits_grow_up_to_half_a_minute_and_shrink_again_after_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch_module, "_jittered", lambda seconds: seconds)
    away = status(500, "InternalError", "etcd")
    told = await story(*[away] * 9, listing(7), away)
    assert told.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0.5]


async def test_the_wait_that_the_api_server_asks_for_is_kept_but_not_for_ever() -> None:
    asked = [Answer(429, ("slow down",), {"Retry-After": after}) for after in ("7", "3600")]
    told = await story(*asked)
    assert told.pauses == [7, 60]


async def test_a_silent_watch_is_asked_for_anew_without_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client_module, "QUIET_SECONDS", 0.01)
    told = await story(listing(7), watch(("ADDED", thing("a", 8)), hangs=True), watch())
    assert told.versions == ["0", "7", "8"]
    assert [record for record in caplog.records if record.name.startswith("oomw")] == []


async def test_while_nobody_listens_following_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    told = Follow(FakeApi([]))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = client_of(port)
    with pytest.raises(EndOfStoryError):
        await follow(client, POLICIES, told.sink, told._progress, told._sleep)
    await client.close()
    assert "the API server cannot be reached" in caplog.text
    assert told.heard == 0
