from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.probes.http_head import LONGEST_HEAD, Answer, Request, as_bytes, read_head


def test_a_kubelets_probe_is_read() -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: 10.0.0.7:9808\r\nUser-Agent: kube-probe/1.37\r\n\r\n"
    assert read_head(head) == Request("GET", "/healthz")


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        (b"HEAD /metrics?name=x HTTP/1.0\r\n\r\n", Request("HEAD", "/metrics")),
        (b"GET /healthz HTTP/1.1\n\n", Request("GET", "/healthz")),
        (b"GET /healthz HTTP/1.1\nHost: x\n\r\n", Request("GET", "/healthz")),
        (b"\r\nGET /healthz HTTP/1.1\r\n\r\n", Request("GET", "/healthz")),
        (b"GET http://10.0.0.7:9808/metrics?a=b HTTP/1.1\r\n\r\n", Request("GET", "/metrics")),
        (b"GET HTTP://[fd00::7]/healthz HTTP/1.1\r\n\r\n", Request("GET", "/healthz")),
        (b"GET http://10.0.0.7 HTTP/1.1\r\n\r\n", Request("GET", "/")),
        (b"GET /healthz HTTP/1.1\r\n\r\nbody", Request("GET", "/healthz")),
        (b"GET /healthz HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", Request("GET", "/healthz")),
    ],
)  # fmt: skip
def test_only_method_and_path_of_the_first_request_count(sent: bytes, asked: Request) -> None:
    assert read_head(sent) == asked


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /healthz HTTP/1.1\r\n\r\n", 405),
        (b"PRI * HTTP/2.0\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\xa5\x01\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00", 400),
        (b"\0" * 10, 400),
        (b"\xff\xfeG\0E\0", 400),
        (b"\r\n" * 20, 400),
        (b"GET /healthz\r\n\r\n", 400),
        (b"GET  /healthz HTTP/1.1\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * LONGEST_HEAD, 431),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * LONGEST_HEAD + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_of_ours_is_refused_with_a_status(sent: bytes, status: int) -> None:
    answer = read_head(sent)
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert answer.body.count(b"\n") == 1


@given(st.binary(max_size=2 * LONGEST_HEAD))
def test_whatever_comes_is_answered_or_awaited_and_never_awaited_past_the_bound(
    sent: bytes,
) -> None:
    asked = read_head(sent)
    assert asked is None or isinstance(asked, Request | Answer)
    assert asked is not None or len(sent) < LONGEST_HEAD


@given(st.integers(min_value=0, max_value=60))
def test_a_request_that_comes_in_two_pieces_is_the_same(cut: int) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: 10.0.0.7:9808\r\nAccept: */*\r\n\r\n"
    first = read_head(whole[:cut])
    assert first is None or cut >= len(whole)
    assert read_head(whole) == Request("GET", "/healthz")


def test_an_answer_says_that_the_connection_ends_and_head_has_no_body() -> None:
    answer = Answer(HTTPStatus.OK, b"body")
    whole = as_bytes(answer)
    assert b"\r\nConnection: close\r\n" in whole
    assert b"\r\nContent-Length: 4\r\n" in whole
    assert whole == as_bytes(answer, head_only=True) + b"body"
