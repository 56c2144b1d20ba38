import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.quantity import QuantityError, format_bytes, parse_bytes

MI = 1 << 20


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("512Mi", 512 * MI),
        ("1Gi", 1024 * MI),
        ("1.5Gi", 1536 * MI),
        (".5Ki", 512),
        ("1.", 1),
        ("500M", 500_000_000),
        ("1k", 1000),
        ("129e6", 129_000_000),
        ("1E3", 1000),
        ("2E", 2 * 10**18),
        ("128974848000m", 128_974_848),
        ("100m", 1),
        ("1n", 1),
        ("16Ei", 1 << 64),
    ],
)
def test_text_becomes_bytes_rounded_up(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "Mi", "1 Gi", "1gi", "1KB", "max", "1e", "--1", "1Mi2"])
def test_what_is_no_quantity_is_an_error_that_shows_it(text: str) -> None:
    with pytest.raises(QuantityError, match="is no quantity"):
        parse_bytes(text)


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
def test_bytes_become_text_in_the_largest_unit_that_divides_them(size: int, text: str) -> None:
    assert format_bytes(size) == text


@given(st.integers(min_value=0, max_value=1 << 62))
def test_pages_are_told_exactly(pages: int) -> None:
    assert parse_bytes(format_bytes(pages * 4096)) == pages * 4096


@given(st.integers(min_value=0, max_value=1 << 62))
def test_no_size_is_told_wrong_by_more_than_half_a_kibibyte(size: int) -> None:
    assert abs(parse_bytes(format_bytes(size)) - size) <= 512
