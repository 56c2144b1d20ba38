from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.probes.http_head import (
    MAX_HEAD_BYTES,
    MAX_PARAMETERS,
    HttpResponse,
    Request,
    header_of,
    parse_request,
    query_of,
    serialize,
)


def test_a_probe_of_a_kubelet_is_parsed() -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: 10.0.0.7:9808\r\nUser-Agent: kube-probe/1.37\r\n\r\n"
    assert parse_request(head) == Request("GET", "/healthz")


@pytest.mark.parametrize(
    ("sent", "parsed"),
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
def test_only_method_and_path_of_the_first_request_matter(sent: bytes, parsed: Request) -> None:
    assert parse_request(sent) == parsed


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
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES, 431),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
    ],
)
def test_other_requests_get_an_error_response(sent: bytes, status: int) -> None:
    answer = parse_request(sent)
    assert isinstance(answer, HttpResponse)
    assert answer.status == status
    assert answer.body.count(b"\n") == 1


@given(st.binary(max_size=2 * MAX_HEAD_BYTES))
def test_any_input_is_answered_or_incomplete_up_to_the_limit(
    sent: bytes,
) -> None:
    parsed = parse_request(sent)
    assert parsed is None or isinstance(parsed, Request | HttpResponse)
    assert parsed is not None or len(sent) < MAX_HEAD_BYTES


@given(st.integers(min_value=0, max_value=60))
def test_a_request_received_in_two_pieces_is_the_same(cut: int) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: 10.0.0.7:9808\r\nAccept: */*\r\n\r\n"
    first = parse_request(whole[:cut])
    assert first is None or cut >= len(whole)
    assert parse_request(whole) == Request("GET", "/healthz")


def test_a_response_announces_the_end_of_the_connection_and_head_has_no_body() -> None:
    answer = HttpResponse(HTTPStatus.OK, b"body")
    whole = serialize(answer)
    assert b"\r\nConnection: close\r\n" in whole
    assert b"\r\nContent-Length: 4\r\n" in whole
    assert whole == serialize(answer, head_only=True) + b"body"


HEAD = (
    b"GET /rank?pod=a%20b&pod=c&empty=&x HTTP/1.1\r\nHost: n\r\nauthorization:  Bearer t \r\n\r\n"
)


def test_a_query_is_decoded_and_the_first_of_equal_parameters_counts() -> None:
    assert query_of(HEAD) == {"pod": "a b"}
    assert query_of(b"GET /rank HTTP/1.1\r\n\r\n") == {}


def test_a_query_of_too_many_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="exceeded"):
        query_of(b"GET /rank?" + b"a=1&" * (MAX_PARAMETERS + 1) + b" HTTP/1.1\r\n\r\n")


def test_a_header_is_found_whatever_its_case() -> None:
    assert header_of(HEAD, "Authorization") == "Bearer t"
    assert header_of(HEAD, "Cookie") == ""
    assert header_of(HEAD, "GET /rank?pod=a%20b&pod=c&empty=&x HTTP/1.1\r\nHost") == ""
