"""Links of a page to files of the repository that are not part of the site."""

import re
from pathlib import Path

_LINK = re.compile(r"(\]\()(\.\./[^)#\s]*)((?:#[^)\s]*)?\))")
_COMMENT = re.compile(r"^ *<!--.*?-->\n", re.MULTILINE | re.DOTALL)


def outside_links(markdown: str, page: Path, docs: Path, repository: str) -> str:
    """Replace links that leave the documentation by links to the repository.

    Args:
        markdown: The text of the page.
        page: Its file.
        docs: The folder of the documentation, directly below the repository's root.
        repository: The address of the repository, without a slash at its end.

    Returns:
        The text, in which all relative links stay inside of `docs`.
    """

    def replaced(link: re.Match[str]) -> str:
        target = (page.parent / link[2]).resolve()
        if target.is_relative_to(docs.resolve()):
            return link[0]
        kind = "tree" if target.is_dir() else "blob"
        path = target.relative_to(docs.resolve().parent).as_posix()
        return f"{link[1]}{repository}/{kind}/main/{path}{link[3]}"

    return _LINK.sub(replaced, markdown)


def without_comments(markdown: str) -> str:
    """Remove comments, which say how a block of commands is tested."""
    return _COMMENT.sub("", markdown)
