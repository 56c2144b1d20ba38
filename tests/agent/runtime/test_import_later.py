"""In processes of their own, in which nothing has imported the modules yet."""

import subprocess
import sys

from oomwarden.agent.runtime.import_later import UNUSED

LATER = "import sys; from oomwarden.agent.runtime.import_later import import_later; "


def run(script: str) -> str:
    command = [sys.executable, "-c", LATER + script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_module_is_loaded_when_something_of_it_is_read() -> None:
    loaded = "'csv' in sys.modules and 'reader' in vars(sys.modules['csv'])"
    script = f"import_later('csv'); import csv; print({loaded}); csv.reader; print({loaded})"
    assert run(script).split() == ["False", "True"]


def test_the_names_and_modules_below_a_module_can_be_imported() -> None:
    assert run("import_later('json'); from json import loads; print(loads('7'))") == "7"
    assert run("import_later('json'); import json.tool as t; print(t.__name__)") == "json.tool"


def test_a_module_that_is_loaded_stays() -> None:
    assert run("import csv; import_later('csv'); print(csv is sys.modules['csv'])") == "True"


def test_an_agent_starts_without_what_it_does_not_use() -> None:
    script = (
        f"import_later(*{UNUSED!r}); import oomwarden.agent.run, oomwarden.agent.main; "
        f"print([each for each in sys.modules if each.partition('.')[0] in {UNUSED!r}])"
    )
    assert run(script) == str(list(UNUSED))
