import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.site.blocks import Command, MarkError, Place, Run, commands_of, read_blocks, run_of

PAGE = """\
# A page

<!-- run, exit 1, output -->
```console
$ kubectl oom check \\
    -f bad.yaml
bad.yaml: error
$ echo done
```

- In a list:

    <!-- norun: needs a registry -->
    ```bash
    docker push x
    ```

```yaml
a: 1
"""


def test_a_block_has_its_language_its_place_and_the_comment_above_it() -> None:
    console, bash, unfinished = read_blocks(PAGE, "p.md")
    assert (console.name, console.language) == ("p.md:4", "console")
    assert run_of(console) == Run(Place.ANYWHERE, exit=1, compares=True)
    assert (bash.text, run_of(bash)) == (
        "docker push x",
        Run(Place.NOWHERE, reason="needs a registry"),
    )
    assert (unfinished.language, unfinished.mark) == ("yaml", None)


def test_a_command_goes_on_after_a_backslash_and_owns_the_output_below_it() -> None:
    console, *_ = read_blocks(PAGE, "p.md")
    assert commands_of(console) == [
        Command("kubectl oom check \\\n    -f bad.yaml", ("bad.yaml: error",)),
        Command("echo done"),
    ]


def test_a_page_has_a_default_for_its_blocks() -> None:
    (block,) = read_blocks("# T\n<!-- blocks: run: lab -->\n\n```bash\nls\n```\n", "p.md")
    assert run_of(block) == Run(Place.LAB)


@pytest.mark.parametrize("mark", [None, "run elsewhere", "norun", "norun: ", "run: labs", "run: x"])
def test_a_block_that_does_not_say_how_it_is_tested_is_named(mark: str | None) -> None:
    above = f"<!-- {mark} -->\n" if mark else ""
    (block,) = read_blocks(f"{above}```bash\nls\n```", "p.md")
    with pytest.raises(MarkError, match=r"p\.md:\d"):
        run_of(block)


def test_a_console_begins_with_a_command() -> None:
    (block,) = read_blocks("```console\nNAME   AGE\n```", "p.md")
    with pytest.raises(MarkError, match="does not begin with a command"):
        commands_of(block)


@given(st.text(alphabet="`~<!->runlab: \n$\\x", max_size=80))
def test_any_text_has_blocks_within_it(text: str) -> None:
    lines = text.splitlines()
    for block in read_blocks(text, "p.md"):
        assert "`" in lines[block.line - 1] or "~" in lines[block.line - 1]
