import pytest
from oomwarden.core.kernel_log.read_end import is_unique

STAMPED = b"<6>[   51.000000] eth0: link is up\n"


@pytest.mark.parametrize(
    ("end", "unique"),
    [
        (b"cut off\n" + STAMPED * 3, True),
        (b"cut off\n<6>[   51.000000][  T12] eth0: link is up\n", True),
        (b"<6>eth0: link is up\n" * 3, False),
        (STAMPED * 3 + b"<6>eth0: link is up\n", False),
        (b"<12>[x] [   51.000000] forged\n" * 3, False),
        (STAMPED, False),
        (b"", False),
    ],
)
def test_the_end_of_a_log_is_unique_if_each_of_its_lines_has_a_time(
    *, end: bytes, unique: bool
) -> None:
    assert is_unique(end) is unique
