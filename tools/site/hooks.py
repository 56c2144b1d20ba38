"""Hooks of mkdocs: the navigation, and links that leave the documentation."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from tools.site.diagram.svg import with_diagrams
from tools.site.links import outside_links, without_comments
from tools.site.nav import expand


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace folders in the navigation by their pages."""
    config.nav = expand(config.nav or [], Path(config.docs_dir))
    return config


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw diagrams, and let links to other files of the repository lead to GitHub."""
    del files
    source = Path(page.file.abs_src_path or "")
    text = with_diagrams(without_comments(markdown))
    return outside_links(text, source, Path(config.docs_dir), config.extra["repository"])
