import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube import ApiError, ConfigError
from oomwarden.kube.transport.errors import (
    LONGEST_ASKED_SECONDS,
    WriteOutcome,
    WriteResult,
    error_from,
    error_of,
    failure,
)

REQUEST = httpx2.Request("POST", "https://api/apis/oomwarden.io/v1alpha1")


def answer(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> ApiError:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    if details:
        body["details"] = details
    return error_from(httpx2.Response(code, json=body, request=REQUEST))


def page(code: int) -> ApiError:
    """Give the answer of a proxy that stands before the API server."""
    return error_from(httpx2.Response(code, content=b"<html>no</html>", request=REQUEST))


TERMINATING = {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]}
GONE = {"name": "shop", "kind": "namespaces"}
TABLE = {
    "already there": (answer(409, "AlreadyExists", '"a" already exists'), WriteOutcome.EXISTS),
    "conflict": (answer(409, "Conflict", "the object has been modified"), WriteOutcome.RETRY),
    "namespace terminating": (
        answer(403, "Forbidden", "it is being terminated", TERMINATING),
        WriteOutcome.UNDELIVERABLE,
    ),
    "namespace gone": (
        answer(404, "NotFound", 'namespaces "shop" not found', GONE),
        WriteOutcome.UNDELIVERABLE,
    ),
    "quota": (
        answer(403, "Forbidden", "exceeded quota: objects, requested: count/oomkills=1"),
        WriteOutcome.RETRY,
    ),
    "no rights": (
        answer(403, "Forbidden", 'User "x" cannot create resource "oomkills"'),
        WriteOutcome.RETRY,
    ),
    "policy": (
        answer(422, "Invalid", "ValidatingAdmissionPolicy 'a' with binding 'b' denied request: c"),
        WriteOutcome.RETRY,
    ),
    "webhook": (
        answer(400, "BadRequest", 'admission webhook "x" denied the request: no'),
        WriteOutcome.RETRY,
    ),
    "webhook, not found": (
        answer(404, "NotFound", 'admission webhook "x" denied the request: no', {}),
        WriteOutcome.RETRY,
    ),
    "webhook, too many": (
        answer(429, "TooManyRequests", 'admission webhook "x" denied the request: no'),
        WriteOutcome.RETRY,
    ),
    "CRD missing": (
        answer(404, "NotFound", "the server could not find the requested resource", {}),
        WriteOutcome.RETRY,
    ),
    "schema": (answer(422, "Invalid", "cause: Unsupported value"), WriteOutcome.RETRY),
    "too large": (answer(413, "RequestEntityTooLarge", "limit is 3145728"), WriteOutcome.RETRY),
    "bad request": (answer(400, "BadRequest", "cannot decode"), WriteOutcome.RETRY),
    "not Status, too large": (page(413), WriteOutcome.RETRY),
    "not Status, bad request": (page(400), WriteOutcome.RETRY),
    "gone": (answer(410, "Gone", "the resource version is too old"), WriteOutcome.RETRY),
    "too many": (answer(429, "TooManyRequests", "please try again"), WriteOutcome.RETRY),
    "bad gateway": (page(502), WriteOutcome.RETRY),
    "token": (answer(401, "Unauthorized", "Unauthorized"), WriteOutcome.RETRY),
    "internal": (answer(500, "InternalError", "etcd"), WriteOutcome.RETRY),
    "unavailable": (answer(503, "ServiceUnavailable", "apiserver is stopping"), WriteOutcome.RETRY),
    "timeout": (answer(504, "Timeout", "request did not complete"), WriteOutcome.RETRY),
    "refused": (httpx2.ConnectError("connection refused"), WriteOutcome.RETRY),
    "silence": (httpx2.ReadTimeout(""), WriteOutcome.RETRY),
    "no token file": (ConfigError("the token cannot be read"), WriteOutcome.RETRY),
}


@pytest.mark.parametrize(("error", "outcome"), TABLE.values(), ids=TABLE)
def test_what_an_error_means_for_a_record(error: Exception, outcome: WriteOutcome) -> None:
    assert failure(error).outcome is outcome


EVERYWHERE = {
    "no rights", "CRD missing", "token", "too many", "unavailable", "timeout", "bad gateway",
    "refused", "silence", "no token file",
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_troubles_of_one_object_are_told_from_those_of_all(case: str) -> None:
    assert failure(TABLE[case][0]).everywhere is (case in EVERYWHERE)


REFUSED = {
    "quota", "policy", "webhook", "webhook, not found", "webhook, too many", "schema", "too large",
    "bad request",
}  # fmt: skip
INVALID = {"schema", "too large", "bad request"}


@pytest.mark.parametrize("case", TABLE)
def test_what_was_refused_as_it_is_is_told_from_what_did_not_get_there(case: str) -> None:
    told = failure(TABLE[case][0])
    assert (told.refused, told.invalid) == (case in REFUSED, case in INVALID)


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
def test_what_an_upgrade_or_a_rollback_would_change_is_tried_again(code: int, message: str) -> None:
    assert failure(answer(code, "x", message)).outcome is WriteOutcome.RETRY


def test_a_refusal_without_words_names_the_fields() -> None:
    cause = {"field": "spec.kills", "message": "Required value", "reason": "FieldValueRequired"}
    told = failure(answer(422, "Invalid", "", {"causes": [cause]}))
    assert told.reason == "422 Invalid: spec.kills: Required value"


@pytest.mark.parametrize("error", [each[0] for each in TABLE.values()], ids=TABLE)
def test_every_failure_says_why(error: Exception) -> None:
    assert failure(error).reason


@pytest.mark.parametrize(
    ("headers", "details", "wait"),
    [
        ({"Retry-After": "5"}, None, 5.0),
        ({}, {"retryAfterSeconds": 3}, 3.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, 0.0),
        ({}, None, 0.0),
        ({"Retry-After": "9" * 400}, None, LONGEST_ASKED_SECONDS),
        ({}, {"retryAfterSeconds": 10**400}, LONGEST_ASKED_SECONDS),
        ({}, {"retryAfterSeconds": -5}, 0.0),
    ],
)
def test_the_wait_that_was_asked_for(
    headers: dict[str, str], details: dict[str, Any] | None, wait: float
) -> None:
    body = {"kind": "Status", "message": "slow down", "details": details}
    response = httpx2.Response(429, json=body, headers=headers, request=REQUEST)
    assert failure(error_from(response)).after == wait


def test_an_answer_that_is_no_status_is_shown_in_part() -> None:
    page = httpx2.Response(502, content=b"<html>" + b"x" * 9999, request=REQUEST)
    told = failure(error_from(page))
    assert told.outcome is WriteOutcome.RETRY
    assert told.reason.startswith("502 Bad Gateway: <html>xx")
    assert len(told.reason) < 400


def test_failures_compare_by_value() -> None:
    assert WriteResult(WriteOutcome.RETRY, "a") == WriteResult(WriteOutcome.RETRY, "a", 0.0)


def test_words_of_a_webhook_forge_no_line_of_a_log_and_fill_no_status() -> None:
    said = "denied\n2026-11-29 ERROR forged\u202e" + "x" * 100_000
    told = failure(answer(400, "BadRequest", f'admission webhook "x" denied the request: {said}'))
    assert told.reason.isprintable()
    assert len(told.reason) <= 2048


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
def test_whatever_an_answer_holds_it_is_a_reason_in_words_and_a_bounded_wait(
    body: Any,  # noqa: ANN401
    code: int,
    header: str,
) -> None:
    headers = {b"Retry-After": header.encode()}
    response = httpx2.Response(
        code, content=json.dumps(body).encode(), headers=headers, request=REQUEST
    )
    errors = [error_from(response), *([error_of(body)] if isinstance(body, dict) else [])]
    for told in map(failure, errors):
        assert told.reason.isprintable()
        assert len(told.reason) <= 2048
        assert 0 <= told.after <= LONGEST_ASKED_SECONDS
