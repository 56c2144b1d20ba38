"""All generated pages, by their path."""

from pathlib import Path

from tools.reference.chart import chart_page
from tools.reference.commands import commands_page
from tools.reference.conditions import conditions_page
from tools.reference.events import events_page
from tools.reference.fields import fields_page
from tools.reference.metrics import metrics_page
from tools.reference.programs import programs_page

REFERENCE = Path("docs/reference")


def reference_pages(root: Path) -> dict[Path, str]:
    """Return the text of each generated page by its path below the repository's root."""
    folder = root / REFERENCE
    return {
        folder / "api.md": fields_page(),
        root / "docs/metrics.md": metrics_page(),
        folder / "events.md": events_page(),
        folder / "conditions.md": conditions_page(),
        folder / "chart.md": chart_page(root / "charts/oomwarden"),
        folder / "commands.md": commands_page(),
        folder / "programs.md": programs_page(),
    }
