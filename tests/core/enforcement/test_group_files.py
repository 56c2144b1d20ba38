from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.enforcement.group_files import GroupFiles

FILES = st.builds(GroupFiles, st.booleans(), st.none() | st.booleans())


@given(FILES)
def test_values_survive_the_store(files: GroupFiles) -> None:
    assert GroupFiles.of_code(files.code) == files


def test_values_of_earlier_versions_are_those_of_the_containers_own_file() -> None:
    assert [GroupFiles.of_code(code) for code in (0, 1)] == [
        GroupFiles(own=False),
        GroupFiles(own=True),
    ]


@given(FILES, FILES)
def test_a_later_reading_adds_only_what_was_missing(found: GroupFiles, now: GroupFiles) -> None:
    completed = found.completed(now)
    assert completed.own == found.own
    assert completed.below == (now.below if found.below is None else found.below)
    assert completed.is_group_kill == (found.own or bool(completed.below))
