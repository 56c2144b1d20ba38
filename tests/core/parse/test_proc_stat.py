import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.parse.proc_stat import parse_start

TAIL = b" S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1024 5\n"


@given(st.binary(max_size=15))
def test_starttime_is_found_whatever_the_name_of_the_process(comm: bytes) -> None:
    assert parse_start(b"42 (" + comm + b")" + TAIL) == 987654


def test_a_torn_line_is_an_error() -> None:
    with pytest.raises(ValueError, match="starttime"):
        parse_start(b"42 (cat) S 1 2")
