"""Every block of commands in the documentation says how it is tested, and those that can run do."""

from collections import Counter
from pathlib import Path

import pytest

from e2e.lab.tools import PROGRAMS, find_or_build
from tests.support.docs_commands import ROOT, Reader
from tools.site.blocks import COMMANDS, Block, Place, blocks_of, run_of
from tools.site.pages import documented_pages

BLOCKS = [block for page in documented_pages(ROOT) for block in blocks_of(page, ROOT)]
COMMAND_BLOCKS = [block for block in BLOCKS if block.language in COMMANDS]
KINDS = (Place.ANYWHERE, Place.LAB, Place.NOWHERE)


@pytest.fixture(scope="session")
def helm() -> Path:
    return find_or_build(PROGRAMS["helm"])


def test_every_block_names_its_language() -> None:
    assert [each.name for each in BLOCKS if not each.language] == []


def test_every_block_of_commands_says_where_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    places = Counter(run_of(each).place for each in COMMAND_BLOCKS)
    assert set(places) == set(KINDS)
    with capsys.disabled():
        ran = places[Place.ANYWHERE] + places[Place.LAB]
        print(f"\nBlocks of commands in the documentation: {len(COMMAND_BLOCKS)}; run: {ran} "
              f"({places[Place.ANYWHERE]} anywhere, {places[Place.LAB]} on a cluster); "
              f"not run, with a reason: {places[Place.NOWHERE]}")  # fmt: skip


@pytest.mark.parametrize(
    "page", sorted({each.page for each in COMMAND_BLOCKS if run_of(each).place is Place.ANYWHERE})
)
def test_the_commands_of_a_page_that_need_no_cluster_do_what_it_says(
    page: str, helm: Path, tmp_path: Path
) -> None:
    reader = Reader.at(tmp_path, helm)
    blocks = [each for each in COMMAND_BLOCKS if each.page == page]
    chosen = [each for each in blocks if run_of(each).place is Place.ANYWHERE]
    assert [problem for each in chosen for problem in reader.problems(each)] == []
