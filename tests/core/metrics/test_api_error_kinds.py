import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.metrics.api_error_kinds import ApiErrorKind, kind_of_status
from oomwarden.core.metrics.families.process import API_ERRORS


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (302, "Other"),
        (400, "Invalid"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (405, "Other"),
        (409, "Conflict"),
        (413, "Invalid"),
        (422, "Invalid"),
        (429, "Throttled"),
        (500, "Unavailable"),
        (502, "Unavailable"),
        (503, "Unavailable"),
        (504, "Timeout"),
        (599, "Unavailable"),
        (None, "Other"),
    ],
)
def test_a_status_has_a_kind(code: int | None, kind: str) -> None:
    assert kind_of_status(code) == kind


def test_an_expired_version_is_no_error() -> None:
    assert kind_of_status(410) is None


@given(st.integers())
def test_every_other_number_of_a_proxy_is_an_error_of_some_kind(code: int) -> None:
    assert (kind_of_status(code) is None) == (code == 410)


def test_the_help_names_every_kind() -> None:
    assert [each for each in ApiErrorKind if each not in API_ERRORS.help] == []
