"""The commands of the documentation that need a cluster, run as a reader would paste them."""

from itertools import groupby
from pathlib import Path

from e2e.docs_world import ROOT, docs_world, policies_of_a_page
from e2e.world import Release, World
from tools.site.blocks import COMMANDS, Place, blocks_of, run_of
from tools.site.pages import documented_pages

BLOCKS = [
    block
    for page in documented_pages(ROOT)
    for block in blocks_of(page, ROOT)
    if block.language in COMMANDS and run_of(block).place is Place.LAB
]


def test_the_commands_that_need_a_cluster_do_what_the_pages_say(
    world: World, release: Release, tmp_path: Path
) -> None:
    wrong: list[str] = []
    with docs_world(release, tmp_path) as docs:
        for _page, blocks in groupby(BLOCKS, lambda each: each.page):
            with policies_of_a_page(world):
                wrong += docs.problems(list(blocks))
    assert not wrong, "\n".join(wrong)
