from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.policy.process_rules import ProcessTarget, command_line, matching_rule

WORKER, ANY = ProcessTarget("postgres: *", 300), ProcessTarget("*", 5)


def test_arguments_are_joined_by_spaces() -> None:
    assert command_line(b"postgres\0-D\0/data\0") == "postgres -D /data"


def test_padding_after_a_process_title_is_ignored() -> None:
    assert command_line(b"postgres: shop db [local] idle" + b"\0" * 300) == (
        "postgres: shop db [local] idle"
    )
    assert command_line(b"nginx: worker process   \0 ") == "nginx: worker process"


def test_only_the_first_4_kib_of_a_command_line_are_matched() -> None:
    assert len(command_line(b"x" * 65536)) == 4096
    assert command_line(b"x" * 4095 + "é".encode()) == "x" * 4095 + "\udcc3"


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_and_none_are_lost(raw: bytes) -> None:
    text = command_line(raw)
    assert text.encode("utf-8", "surrogateescape") == raw.rstrip(b"\0 ").replace(b"\0", b" ")


def test_the_first_rule_that_matches_decides() -> None:
    assert matching_rule((WORKER, ANY), "postgres: idle") is WORKER
    assert matching_rule((ANY, WORKER), "postgres: idle") is ANY
    assert matching_rule((WORKER,), "postgres -D /data") is None


def test_no_rule_matches_a_process_without_a_command_line() -> None:
    assert matching_rule((ANY,), command_line(b"")) is None
