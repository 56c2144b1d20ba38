import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.model.quantity import (
    LARGEST,
    MAX_LENGTH,
    QuantityError,
    canonical,
    exact_quantity,
    format_bytes,
    parse_bytes,
    parse_nanos,
)

MI = 1 << 20


def golden() -> list[tuple[str, str]]:
    """Read what Kubernetes itself makes of each text."""
    lines = Path(__file__).with_name("quantities.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.rsplit("\t", 1) for line in lines if not line.startswith("#"))
    return [(json.loads(text), reported) for text, reported in rows]


@pytest.mark.parametrize(("text", "reported"), golden())
def test_quantities_are_parsed_as_kubernetes_parses_them(text: str, reported: str) -> None:
    try:
        read = str(parse_bytes(text))
    except QuantityError:
        read = "error"
    assert read == reported


@pytest.mark.parametrize("text", ["16E", "1e19", "9223372036854775808", "99999Ei", "1e2147483647"])
def test_no_amount_exceeds_a_signed_64_bit_integer(text: str) -> None:
    assert parse_bytes(text) == LARGEST
    assert parse_bytes(exact_quantity(LARGEST)) == LARGEST


@pytest.mark.parametrize("text", ["1e-2147483648", "0." + "0" * 200 + "1", "1e-200"])
def test_tiny_amounts_are_rounded_up_to_a_byte(text: str) -> None:
    assert parse_nanos(text) == 1
    assert parse_bytes(text) == 1


def test_negative_amounts_are_rounded_away_from_zero() -> None:
    assert [parse_bytes(text) for text in ("-1", "-1.5", "-16Ei")] == [-1, -2, -LARGEST]


@pytest.mark.parametrize(
    "text", ["", "1 Gi", "1" * (MAX_LENGTH + 1), "1e9223372036854775808", "Pi"]
)
def test_text_that_is_not_a_quantity_is_shown_in_the_error(text: str) -> None:
    with pytest.raises(QuantityError, match=r"is not an? (quantity|exponent)"):
        parse_bytes(text)


@given(st.text(alphabet="0123456789.eEinumkKMGTP+- x٣", max_size=12))
def test_any_text_is_an_amount_or_one_clear_error(text: str) -> None:
    try:
        size = parse_bytes(text)
    except QuantityError as error:
        assert "write bytes as" in str(error) or "digits" in str(error)  # noqa: PT017 - either way
    else:
        assert -LARGEST <= size <= LARGEST


def test_amounts_have_one_canonical_form() -> None:
    reported = [canonical(text) for text in ("0512Mi", "536870912", "129e6", "1.5Gi")]
    assert reported == ["512Mi", "512Mi", "129M", "1536Mi"]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (512 * MI, "512Mi"),
        (1024 * MI, "1Gi"),
        (1536 * MI, "1536Mi"),
        (491_523 << 10, "491523Ki"),
        (500_000_000, "500M"),
        (1500, "1Ki"),
        (536_870_911, "524288Ki"),
        (7, "7"),
    ],
)
def test_bytes_are_formatted_in_the_largest_unit_that_divides_them(size: int, text: str) -> None:
    assert format_bytes(size) == text


@given(st.integers(min_value=0, max_value=(1 << 50)))
def test_pages_are_formatted_exactly(pages: int) -> None:
    assert parse_bytes(format_bytes(pages * 4096)) == pages * 4096


@given(st.integers(min_value=0, max_value=1 << 62))
def test_no_formatted_size_is_off_by_more_than_half_a_kibibyte(size: int) -> None:
    assert abs(parse_bytes(format_bytes(size)) - size) <= 512
