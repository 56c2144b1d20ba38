"""Neither a sync of Argo CD nor another apply of the chart ends a Pause. Needs no cluster."""

from typing import Any

import yaml

from e2e import argo
from e2e.chart import CHART, rendered

SWITCH = ("ConfigMap", "oomwarden-control")
INSTALL = CHART.parent.parent / "deploy" / "manifests" / "install.yaml"


def paused(labels: dict[str, str], **annotations: str) -> dict[argo.Key, dict[str, Any]]:
    """Return the mode ConfigMap at Pause, with labels and annotations."""
    name = SWITCH[1]
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    return {SWITCH: {"kind": "ConfigMap", "metadata": metadata, "data": {"mode": "Pause"}}}


def test_no_manifest_contains_the_mode_config_map() -> None:
    plain = [each for each in yaml.safe_load_all(INSTALL.read_text()) if each]
    for manifests in (rendered(), rendered("uninstall.putBack=false"), plain):
        assert SWITCH not in {argo.key(each) for each in manifests}


def test_no_hook_runs_at_a_sync() -> None:
    hooks = [each for each in rendered() if argo.is_hook(each)]
    assert {frozenset(argo.words(each, argo.HOOK)) for each in hooks} == {frozenset({"pre-delete"})}
    assert not any(argo.runs_at_each_sync(each) for each in hooks)


def test_a_sync_keeps_a_pause_whoever_created_the_mode_config_map() -> None:
    by_the_operator = paused({"app.kubernetes.io/part-of": "oomwarden"})
    by_a_person = paused({})
    labels = {"app.kubernetes.io/instance": "oomwarden", "app.kubernetes.io/managed-by": "Helm"}
    by_an_older_chart = paused(labels, **{argo.HOOK: "pre-install"})
    for live in (by_the_operator, by_a_person, by_an_older_chart):
        after = argo.sync(live, rendered(), "oomwarden")
        assert after[SWITCH] == live[SWITCH]
        assert after.keys() > live.keys()


def test_a_mode_config_map_in_a_manifest_would_lose_its_pause() -> None:
    live = paused({})
    for annotations in ({}, {argo.HOOK: "pre-install"}, {argo.OWN_HOOK: "PreSync"}):
        metadata = {"name": SWITCH[1], "annotations": annotations}
        enforcing = {"kind": "ConfigMap", "metadata": metadata, "data": {"mode": "Enforce"}}
        after = argo.sync(live, [*rendered(), enforcing], "oomwarden")
        assert after[SWITCH]["data"] == {"mode": "Enforce"}
