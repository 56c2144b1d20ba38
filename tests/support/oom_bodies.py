"""What kernels of all ages print about an OOM kill, and what a reader should make of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.log_forms import Said

_FILE = Path(__file__).parent.parent / "core/log_text/bodies.yaml"


@dataclass(frozen=True)
class Body:
    """The lines of a kill, and the facts in them."""

    lines: Sequence[str]
    facts: dict[str, Any]

    def said(self, stamp: float = 5000.25) -> list[Said]:
        """Return the messages, a millisecond apart."""
        return [
            Said(
                3 if "ill process" in text or "illed process" in text else 6, stamp + at / 1e3, text
            )
            for at, text in enumerate(self.lines)
        ]


BODIES = {
    name: Body(body["text"].splitlines(), body["facts"])
    for name, body in yaml.safe_load(_FILE.read_text()).items()
}
"""Kills of many kernels."""
