import json
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.kube.http.exchange import ApiResponse
from oomwarden.kube.http.failures import ConnectError, ReadTimeoutError
from oomwarden.kube.transport.errors import (
    MAX_RETRY_AFTER_SECONDS,
    ApiError,
    ConfigError,
    WriteOutcome,
    WriteResult,
    classify_error,
    error_from_response,
    error_from_status,
)


class NoBody:
    """A body that was read elsewhere."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Do nothing."""


def error_of(code: int, content: bytes, retry_after: str = "") -> ApiError:
    """Return the error for a response with this body."""
    headers = {"retry-after": retry_after} if retry_after else {}
    response = ApiResponse(code, "Bad Gateway", headers, NoBody())
    return error_from_response(response, content)


def api_error(
    code: int, reason: str, message: str, details: dict[str, Any] | None = None
) -> ApiError:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    if details:
        body["details"] = details
    return error_of(code, json.dumps(body).encode())


def page(code: int) -> ApiError:
    """Return the error for a response of a proxy in front of the API server."""
    return error_of(code, b"<html>no</html>")


TERMINATING = {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]}
GONE = {"name": "shop", "kind": "namespaces"}
TABLE = {
    "already there": (api_error(409, "AlreadyExists", '"a" already exists'), WriteOutcome.EXISTS),
    "conflict": (api_error(409, "Conflict", "the object has been modified"), WriteOutcome.RETRY),
    "namespace terminating": (
        api_error(403, "Forbidden", "it is being terminated", TERMINATING),
        WriteOutcome.UNDELIVERABLE,
    ),
    "namespace gone": (
        api_error(404, "NotFound", 'namespaces "shop" not found', GONE),
        WriteOutcome.UNDELIVERABLE,
    ),
    "quota": (
        api_error(403, "Forbidden", "exceeded quota: objects, requested: count/oomkills=1"),
        WriteOutcome.RETRY,
    ),
    "no rights": (
        api_error(403, "Forbidden", 'User "x" cannot create resource "oomkills"'),
        WriteOutcome.RETRY,
    ),
    "policy": (
        api_error(
            422, "Invalid", "ValidatingAdmissionPolicy 'a' with binding 'b' denied request: c"
        ),
        WriteOutcome.RETRY,
    ),
    "webhook": (
        api_error(400, "BadRequest", 'admission webhook "x" denied the request: no'),
        WriteOutcome.RETRY,
    ),
    "webhook, not found": (
        api_error(404, "NotFound", 'admission webhook "x" denied the request: no', {}),
        WriteOutcome.RETRY,
    ),
    "webhook, too many": (
        api_error(429, "TooManyRequests", 'admission webhook "x" denied the request: no'),
        WriteOutcome.RETRY,
    ),
    "CRD missing": (
        api_error(404, "NotFound", "the server could not find the requested resource", {}),
        WriteOutcome.RETRY,
    ),
    "schema": (api_error(422, "Invalid", "cause: Unsupported value"), WriteOutcome.RETRY),
    "too large": (api_error(413, "RequestEntityTooLarge", "limit is 3145728"), WriteOutcome.RETRY),
    "bad request": (api_error(400, "BadRequest", "cannot decode"), WriteOutcome.RETRY),
    "not Status, too large": (page(413), WriteOutcome.RETRY),
    "not Status, bad request": (page(400), WriteOutcome.RETRY),
    "gone": (api_error(410, "Gone", "the resource version is too old"), WriteOutcome.RETRY),
    "too many": (api_error(429, "TooManyRequests", "please try again"), WriteOutcome.RETRY),
    "bad gateway": (page(502), WriteOutcome.RETRY),
    "token": (api_error(401, "Unauthorized", "Unauthorized"), WriteOutcome.RETRY),
    "internal": (api_error(500, "InternalError", "etcd"), WriteOutcome.RETRY),
    "unavailable": (
        api_error(503, "ServiceUnavailable", "apiserver is stopping"),
        WriteOutcome.RETRY,
    ),
    "timeout": (api_error(504, "Timeout", "request did not complete"), WriteOutcome.RETRY),
    "refused": (ConnectError("connection refused"), WriteOutcome.RETRY),
    "silence": (ReadTimeoutError(""), WriteOutcome.RETRY),
    "no token file": (ConfigError("the token cannot be read"), WriteOutcome.RETRY),
}


@pytest.mark.parametrize(("error", "outcome"), TABLE.values(), ids=TABLE)
def test_errors_are_classified_by_outcome(error: Exception, outcome: WriteOutcome) -> None:
    assert classify_error(error).outcome is outcome


SERVER_WIDE = {
    "no rights", "CRD missing", "token", "too many", "unavailable", "timeout", "bad gateway",
    "refused", "silence", "no token file",
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_server_wide_errors_are_distinguished_from_those_of_one_object(case: str) -> None:
    assert classify_error(TABLE[case][0]).server_wide is (case in SERVER_WIDE)


REFUSED = {
    "quota", "policy", "webhook", "webhook, not found", "webhook, too many", "schema", "too large",
    "bad request",
}  # fmt: skip
INVALID = {"schema", "too large", "bad request"}


@pytest.mark.parametrize("case", TABLE)
def test_refused_objects_are_distinguished_from_failed_requests(case: str) -> None:
    result = classify_error(TABLE[case][0])
    assert (result.refused, result.invalid) == (case in REFUSED, case in INVALID)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (400, 'OOMKill in version "v1alpha1" cannot be handled: strict decoding error'),
        (400, 'field label not supported: "node"'),
        (403, 'oomkills.oomwarden.io is forbidden: User "a" cannot create resource "oomkills"'),
        (404, "the server could not find the requested resource (post oomkills.oomwarden.io)"),
        (405, "the server does not allow this method on the requested resource"),
        (413, "etcdserver: request is too large"),
        (415, "the body of the request was in an unknown format"),
        (422, "failed rule: evidence.to must be greater than evidence.from"),
        (500, "conversion webhook for oomwarden.io/v1alpha1 failed: x509"),
    ],
)
def test_errors_that_an_upgrade_or_rollback_fixes_are_retried(code: int, message: str) -> None:
    assert classify_error(api_error(code, "x", message)).outcome is WriteOutcome.RETRY


def test_a_refusal_without_message_names_the_fields() -> None:
    cause = {"field": "spec.kills", "message": "Required value", "reason": "FieldValueRequired"}
    result = classify_error(api_error(422, "Invalid", "", {"causes": [cause]}))
    assert result.reason == "422 Invalid: spec.kills: Required value"


@pytest.mark.parametrize("error", [each[0] for each in TABLE.values()], ids=TABLE)
def test_every_error_has_a_reason(error: Exception) -> None:
    assert classify_error(error).reason


@pytest.mark.parametrize(
    ("headers", "details", "wait"),
    [
        ({"Retry-After": "5"}, None, 5.0),
        ({}, {"retryAfterSeconds": 3}, 3.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, 0.0),
        ({}, None, 0.0),
        ({"Retry-After": "9" * 400}, None, MAX_RETRY_AFTER_SECONDS),
        ({}, {"retryAfterSeconds": 10**400}, MAX_RETRY_AFTER_SECONDS),
        ({}, {"retryAfterSeconds": -5}, 0.0),
    ],
)
def test_the_requested_wait_is_read_and_bounded(
    headers: dict[str, str], details: dict[str, Any] | None, wait: float
) -> None:
    body = {"kind": "Status", "message": "slow down", "details": details}
    error = error_of(429, json.dumps(body).encode(), headers.get("Retry-After", ""))
    assert classify_error(error).retry_after == wait


def test_a_response_without_status_is_shown_truncated() -> None:
    result = classify_error(error_of(502, b"<html>" + b"x" * 9999))
    assert result.outcome is WriteOutcome.RETRY
    assert result.reason.startswith("502 Bad Gateway: <html>xx")
    assert len(result.reason) < 400


def test_write_results_compare_by_value() -> None:
    assert WriteResult(WriteOutcome.RETRY, "a") == WriteResult(WriteOutcome.RETRY, "a", 0.0)


def test_the_message_of_a_webhook_can_neither_forge_log_lines_nor_fill_a_status() -> None:
    message = "denied\n2026-11-29 ERROR forged\u202e" + "x" * 100_000
    result = classify_error(
        api_error(400, "BadRequest", f'admission webhook "x" denied the request: {message}')
    )
    assert result.reason.isprintable()
    assert len(result.reason) <= 2048


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
STATUS = st.fixed_dictionaries(
    {"kind": st.just("Status")},
    optional={
        "message": JSON, "reason": JSON, "code": JSON, "status": JSON, "metadata": JSON,
        "details": JSON | st.fixed_dictionaries({}, optional={
            "causes": JSON | st.lists(JSON | st.fixed_dictionaries({"reason": JSON})),
            "kind": JSON, "retryAfterSeconds": JSON,
        }),
    },
)  # fmt: skip


@given(STATUS | JSON, st.sampled_from([400, 403, 404, 409, 422, 429, 500, 503]), st.text())
def test_any_response_yields_a_printable_reason_and_a_bounded_wait(
    body: Any,  # noqa: ANN401
    code: int,
    header: str,
) -> None:
    errors = [
        error_of(code, json.dumps(body).encode(), header),
        *([error_from_status(body)] if isinstance(body, dict) else []),
    ]
    for result in map(classify_error, errors):
        assert result.reason.isprintable()
        assert len(result.reason) <= 2048
        assert 0 <= result.retry_after <= MAX_RETRY_AFTER_SECONDS
