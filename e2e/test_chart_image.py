"""Which image the chart's pods run, and what its notes say about it. Needs no cluster."""

import pytest
import yaml

from e2e.chart import CHART, pod_of, run, settings

VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize("kind", ["DaemonSet", "Deployment", "Job"])
@pytest.mark.parametrize(
    ("values", "image"),
    [
        ((), f"ghcr.io/oomwarden/oomwarden:{VERSION}"),
        (("image.tag=main",), "ghcr.io/oomwarden/oomwarden:main"),
        (("image.tag=main", f"image.digest={DIGEST}"), f"ghcr.io/oomwarden/oomwarden@{DIGEST}"),
        (("image.repository=registry.example:5000/a/b",), f"registry.example:5000/a/b:{VERSION}"),
    ],
)
def test_pods_run_the_image_of_the_charts_version_unless_values_name_another(
    kind: str, values: tuple[str, ...], image: str
) -> None:
    (container,) = pod_of(kind, *values)["containers"]
    assert container["image"] == image


HINT = f"published when version {VERSION} is released"


def notes(*values: str) -> str:
    done = run("install", "oomwarden", str(CHART), "--dry-run=client", *settings(*values))
    assert done.returncode == 0, done.stderr
    text = done.stdout.partition("\nNOTES:\n")[2]
    assert f"oomwarden {VERSION} is installed" in text
    return text


def test_the_notes_say_when_the_default_image_exists() -> None:
    assert HINT in notes()
    assert HINT not in notes("image.repository=registry.example/oomwarden")
    assert HINT not in notes(f"image.digest={DIGEST}")
