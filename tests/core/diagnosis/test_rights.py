import re
from pathlib import Path

from oomwarden.cli.main import COMMANDS
from oomwarden.core.diagnosis.rights import RIGHTS, Places, rights_checks

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/kubectl-oom.md"


def test_doctor_knows_the_rights_of_each_command_that_needs_a_cluster() -> None:
    needing = {name for name, (module, _) in COMMANDS.items() if module.startswith("commands.")}
    assert needing - {"doctor"} == RIGHTS.keys()


def test_the_documentation_names_the_same_rights() -> None:
    rows = dict(
        re.findall(r"^\| `kubectl oom (\w+)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    )
    for command, needed in RIGHTS.items():
        for right in needed:
            assert f"`{right.resource}.{right.group}`".replace(".`", "`") in rows[command]


def test_all_rights_that_are_missing_are_named() -> None:
    lacking = {"kills": RIGHTS["kills"], "rank": RIGHTS["rank"]}
    kills, rank = rights_checks(lacking, Places("shop", "oomwarden"))
    assert kills.message == "you may not list oomkills.oomwarden.io in namespace shop"
    assert rank.message == (
        "you may not get oomnodes.oomwarden.io and create pods/portforward in namespace oomwarden "
        "and create serviceaccounts/token in namespace oomwarden"
    )
