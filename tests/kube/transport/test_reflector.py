import logging
import socket

import pytest
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.reflector import list_and_watch

from tests.support.fake_api import Answer, FakeApi, client_of, listing, status, thing, watch
from tests.support.reflector_run import POLICIES, ReflectorRun, RunEndedError, run_reflector


async def test_the_list_is_served_from_the_watch_cache_and_the_watch_continues_it() -> None:
    changes = (("ADDED", thing("b", 8)), ("MODIFIED", thing("b", 9)), ("DELETED", thing("a", 10)))
    run = await run_reflector(listing(7, "a"), watch(*changes))
    assert run.handler.calls == ["=a", "+b", "+b", "-a"]
    assert run.versions == ["0", "7"]
    assert run.api.requests[1].query["allowWatchBookmarks"] == "true"
    assert run.api.requests[1].path == "/apis/oomwarden.io/v1alpha1/oompolicies"


async def test_a_bookmark_advances_the_version_but_does_not_reach_the_handler() -> None:
    run = await run_reflector(listing(7), watch(("BOOKMARK", thing("", 42))), watch())
    assert run.handler.calls == ["="]
    assert run.versions == ["0", "7", "42"]
    assert run.progress_calls == 4  # list, watch opened, bookmark, watch opened


async def test_an_expired_version_causes_a_new_list_at_least_as_new() -> None:
    gone = ("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
    run = await run_reflector(listing(7, "a"), watch(gone), listing(9, "b"), watch())
    assert run.handler.calls == ["=a", "=b"]
    assert run.versions == ["0", "7", "7", "9"]


async def test_a_list_refused_at_that_version_is_read_from_etcd() -> None:
    refused = status(504, "Timeout", "Too large resource version: 7, current: 3")
    run = await run_reflector(listing(7), status(410, "Expired", "x"), refused, listing(9), watch())
    assert run.versions == ["0", "7", "7", None, "9"]


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
async def test_the_reflector_continues_after_any_response(trouble: Answer) -> None:
    run = await run_reflector(
        trouble, trouble, listing(7, "a"), trouble, watch(("ADDED", thing("b", 8)))
    )
    assert run.handler.calls == ["=a", "+b"]
    assert run.versions == ["0", "0", "0", "7", "7"]


async def test_each_reason_and_the_recovery_are_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "oomwarden")
    away, forbidden = status(500, "InternalError", "etcd"), status(403, "Forbidden", "no rights")
    await run_reflector(away, away, away, forbidden, forbidden, listing(7), watch())
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("oomw")]
    assert len(lines) == 3
    assert "oompolicies" in lines[0]
    assert "etcd" in lines[0]
    assert "no rights" in lines[1]
    assert lines[2] == "the watch of oompolicies has resumed"


async def test_back_off_grows_to_half_a_minute_and_is_reset_after_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reflector, "_jittered", lambda seconds: seconds)
    away = status(500, "InternalError", "etcd")
    run = await run_reflector(*[away] * 9, listing(7), away)
    assert run.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0.5]


async def test_a_requested_wait_is_respected_up_to_a_limit_and_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reflector, "_jittered", lambda seconds: seconds)
    asked = [Answer(429, ("slow down",), {"Retry-After": after}) for after in ("7", "3600")]
    run = await run_reflector(*asked)
    assert run.pauses == [7.5, 61]


async def test_an_hour_of_429_costs_few_requests_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    busy = Answer(429, ("slow down",), {"Retry-After": "1"})
    run = await run_reflector(*[busy] * 300, listing(7, "a"), watch())
    refused = run.pauses[:300]
    assert 60 < 3600 / (sum(refused[10:]) / 290) < 180  # requests in an hour
    assert len({round(each, 6) for each in refused}) == 300  # clients do not return together
    assert run.handler.calls == ["=a"]
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len([each for each in warnings if each.name.startswith("oomw")]) == 1


async def test_a_silent_watch_is_restarted_without_logging(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("oomwarden.kube.transport.client.WATCH_READ_TIMEOUT_SECONDS", 0.2)
    run = await run_reflector(listing(7), watch(("ADDED", thing("a", 8)), hangs=True), watch())
    assert run.versions == ["0", "7", "8"]
    assert [record for record in caplog.records if record.name.startswith("oomw")] == []


async def test_the_reflector_continues_while_the_api_server_is_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = ReflectorRun(FakeApi([]))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = client_of(port)
    with pytest.raises(RunEndedError):
        await list_and_watch(client, POLICIES, run.handler, run._progress, run._sleep)
    await client.aclose()
    assert "the API server cannot be reached" in caplog.text
    assert run.progress_calls == 0
