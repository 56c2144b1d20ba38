import time
from fnmatch import fnmatchcase

from hypothesis import example, given
from hypothesis import strategies as st
from oomwarden.core.policy.command_globs import matches

ALPHABET = "ab-]![*? :é\U0010ffff\udc80\n"
GLOBS = st.text(st.sampled_from(ALPHABET), max_size=12)
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=20)


@given(GLOBS, TEXTS)
@example("[]-a]", "^")
@example("[a-b-]", "-")
@example("[!b-a]", "x")
@example("[--a]", "9")
@example("[a", "[a")
@example("[!]", "[!]")
@example("*", "")
@example("", "")
@example("**a**", "ba")
def test_a_glob_matches_what_fnmatch_matches(glob: str, text: str) -> None:
    assert matches(glob, text) is fnmatchcase(text, glob)


@given(st.lists(st.sampled_from(["a", "b", "?", "*", "[ab]", "[!a]"])), st.text("ab"))
def test_a_glob_matches_what_fnmatch_matches_in_near_misses(parts: list[str], text: str) -> None:
    glob = "".join(parts)
    assert matches(glob, text) is fnmatchcase(text, glob)


def test_a_hostile_glob_takes_time_linear_in_the_text() -> None:
    glob = "*a" * 250 + "*[!a-z]?b"
    began = time.process_time()
    assert not matches(glob, "a" * 4096)
    assert time.process_time() - began < 1.0, "backtracking would take longer than the universe"


def test_globs_are_case_sensitive_and_match_the_whole_text() -> None:
    assert matches("postgres: *", "postgres: autovacuum launcher")
    assert not matches("postgres: *", "Postgres: autovacuum launcher")
    assert not matches("postgres", "postgres: x")
    assert not matches("gres: *", "postgres: x")
