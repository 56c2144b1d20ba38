from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.policy.process_rules import ProcessTarget, command_line, named_by

WORKER, ANY = ProcessTarget("postgres: *", 300), ProcessTarget("*", 5)


def test_arguments_are_joined_by_spaces() -> None:
    assert command_line(b"postgres\0-D\0/data\0") == "postgres -D /data"


def test_what_a_title_leaves_behind_is_no_part_of_it() -> None:
    assert command_line(b"postgres: shop db [local] idle" + b"\0" * 300) == (
        "postgres: shop db [local] idle"
    )
    assert command_line(b"nginx: worker process   \0 ") == "nginx: worker process"


def test_of_64_kib_the_first_4_are_looked_at() -> None:
    assert len(command_line(b"x" * 65536)) == 4096
    assert command_line(b"x" * 4095 + "é".encode()) == "x" * 4095 + "\udcc3"


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read_and_none_gets_lost(raw: bytes) -> None:
    text = command_line(raw)
    assert text.encode("utf-8", "surrogateescape") == raw.rstrip(b"\0 ").replace(b"\0", b" ")


def test_the_first_rule_that_matches_decides() -> None:
    assert named_by((WORKER, ANY), "postgres: idle") is WORKER
    assert named_by((ANY, WORKER), "postgres: idle") is ANY
    assert named_by((WORKER,), "postgres -D /data") is None


def test_a_process_without_a_command_line_is_named_by_nothing() -> None:
    assert named_by((ANY,), command_line(b"")) is None
