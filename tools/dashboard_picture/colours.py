"""Grafana's colours on a light background."""

from tools.dashboard_picture.evaluation import Json

PALETTE = (
    "#56A64B", "#E0B400", "#3274D9", "#FF780A", "#E02F44", "#8F3BB8",
    "#37872D", "#1F60C4", "#FA6400", "#C4162A", "#7C2EA3", "#96D98D",
)  # fmt: skip
NAMED = {
    "text": "#24292E",
    "transparent": "none",
    "green": "#37872D",
    "orange": "#FF780A",
    "red": "#E02F44",
    "dark-red": "#AD0317",
    "yellow": "#E0B400",
    "purple": "#8F3BB8",
    "blue": "#3274D9",
}


def of_value(steps: list[Json], value: float) -> str:
    """Return the colour of a value, by a panel's thresholds."""
    found = "text"
    for step in steps:
        start = step["value"]
        if start is None or value >= start:
            found = step["color"]
    return NAMED[found]


def of_line(panel: Json, name: str, place: int) -> str:
    """Return the colour of a line: its own one, or the next of the palette."""
    for override in panel["fieldConfig"].get("overrides", []):
        if override["matcher"]["options"] == name:
            for each in override["properties"]:
                if each["id"] == "color":
                    return NAMED[str(each["value"]["fixedColor"])]
    return PALETTE[place % len(PALETTE)]
