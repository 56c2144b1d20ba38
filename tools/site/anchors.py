"""Anchors of headings, the same on the site as on GitHub."""

import re


def slug(heading: str, separator: str = "-") -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)
