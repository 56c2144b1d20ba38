"""Scrapes that accept gzip get compressed metrics, through a real socket of a real process."""

import gzip
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.metrics.exposition import CONTENT_TYPE
from oomwarden.probes.http_head import HttpResponse, Request, accepts_gzip, parse_request
from oomwarden.probes.pages import MAX_AGE_SECONDS, CachedPage

from tests.support.clients import METRICS, probed_process

PROMETHEUS = (
    b"GET /metrics HTTP/1.1\r\nHost: node\r\nAccept: text/plain;version=0.0.4;q=0.3,*/*;q=0.1\r\n"
    b"Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"
)


def test_only_metrics_are_compressed_and_only_for_clients_that_accept_it() -> None:
    with probed_process() as served:
        head, _, body = served.ask(PROMETHEUS).partition(b"\r\n\r\n")
        assert {b"Content-Encoding: gzip", b"Vary: Accept-Encoding"} <= set(head.split(b"\r\n"))
        assert f"Content-Length: {len(body)}".encode() in head
        assert gzip.decompress(body) == METRICS
        assert len(body) < len(METRICS) / 10
        plain = served.ask(PROMETHEUS.replace(b"gzip", b"br"))
        assert plain.endswith(b"\r\n\r\n" + METRICS)
        assert b"Vary: Accept-Encoding" in plain[:300]
        other = served.ask(PROMETHEUS.replace(b"/metrics", b"/healthz"))
        assert other.endswith(b"\r\n\r\nwell\n")
        assert b"Encoding" not in other
        only_head = served.ask(PROMETHEUS.replace(b"GET", b"HEAD"))
        assert only_head == head + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("accepted", "gzipped"),
    [
        ("gzip", True),
        ("deflate, GZip;q=0.5", True),
        ("gzip ; q=1.000", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, identity", False),
        ("x-gzip", False),
        ("identity", False),
        ("", False),
        ("*", False),
    ],
)
def test_a_client_says_whether_it_accepts_gzip(accepted: str, gzipped: bool) -> None:  # noqa: FBT001
    assert accepts_gzip(accepted) is gzipped


@given(st.binary(max_size=200))
def test_any_accept_encoding_is_understood_or_ignored(value: bytes) -> None:
    line = b"GET / HTTP/1.1\r\nAccept-Encoding: " + value.replace(b"\n", b"") + b"\r\n\r\n"
    assert isinstance(parse_request(line), Request)


def test_what_follows_the_head_says_nothing() -> None:
    head = b"GET /metrics HTTP/1.1\r\n\r\nAccept-Encoding: gzip\r\n"
    assert parse_request(head) == Request("GET", "/metrics")


def test_a_page_is_compressed_once_however_often_it_is_requested() -> None:
    now, body = [0.0], [b"one\n"]
    page = CachedPage(lambda: HttpResponse(HTTPStatus.OK, body[0], CONTENT_TYPE), lambda: now[0])
    first = page(compressed=True)
    assert page(compressed=True) is first
    assert page().body == b"one\n"
    now[0], body[0] = MAX_AGE_SECONDS, b"two\n"
    assert gzip.decompress(page(compressed=True).body) == b"two\n"


def test_an_error_is_not_compressed() -> None:
    def fail() -> HttpResponse:
        raise ValueError("bad")

    assert CachedPage(fail)(compressed=True).body == b"internal error, see the log\n"
