from pathlib import Path

import pytest

from tools.reference.messages import Message, collect

SOURCE = """
LIMIT = 5
FIXED = Remark("Fixed", f"at most {LIMIT} of them")

def decide(name, count):
    what = f"{name} has {count}"
    if count:
        yield Remark("One" if count == 1 else "Many", f"{what}: " + "look at it.")
    what = "nothing"
    how = "try "
    how += "again"
    yield Remark(reason="Late", message=f"{what}; {how}.")
    yield Remark(name, "not a reason of its own")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "core").mkdir()
    (tmp_path / "core/words.py").write_text(SOURCE)
    return tmp_path


def test_messages_read_as_users_see_them_with_ellipses_for_what_is_not_known(
    package: Path,
) -> None:
    assert set(collect(package, "Remark")) == {
        Message("Fixed", "at most 5 of them", "core/words.py"),
        Message("One", "… has …: look at it.", "core/words.py"),
        Message("Many", "… has …: look at it.", "core/words.py"),
        Message("Late", "nothing; try again.", "core/words.py"),
    }


def test_names_of_positional_arguments_can_be_given(package: Path) -> None:
    (package / "verdict.py").write_text('Verdict("True", "Ready", "All is well.")')
    words = ("status", "reason", "message")
    assert collect(package, "Verdict", words) == [Message("Ready", "All is well.", "verdict.py")]
