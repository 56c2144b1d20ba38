"""Print figures: `python -m bench NAME ...`; the default is the figures that take minutes."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from kubernetes import client, config

from bench import (
    added_weight,
    api_requests,
    durations,
    etcd_sum,
    footprint,
    health_flood,
    hostile_memory,
    latency,
    layout,
    log_throughput,
    metrics_churn,
    outlook,
    patterns,
    plugin_start,
    policy_change,
    starts,
    winners,
)
from e2e.lab import open_cluster
from e2e.world import STORIES_LAB, Release, World

ROOT = Path(__file__).resolve().parent.parent
ON_CLUSTER: dict[str, Callable[[World], None]] = {
    "latency": latency.main,
    "starts": starts.main,
    "footprint": footprint.main,
}
LONG: dict[str, Callable[[World], None]] = {
    "policy-change": policy_change.main,
    "added-weight": added_weight.main,
}
WITHOUT_CLUSTER: dict[str, Callable[[], None]] = {
    "demo": durations.warm_demo,
    "demo-cold": durations.cold_demo,
    "test": durations.warm_test,
    "test-cold": durations.cold_test,
    "winners": winners.main,
    "patterns": patterns.main,
    "layout": layout.main,
    "outlook": outlook.main,
    "metrics": metrics_churn.main,
    "plugin-start": plugin_start.main,
    "etcd-sum": etcd_sum.main,
    "oom-log": log_throughput.main,
    "api-requests": api_requests.main,
    "hostile-memory": hostile_memory.main,
    "health-flood": health_flood.main,
}


def main(names: list[str]) -> None:
    """Measure the named figures; those that need a cluster share one."""
    names = names or list(ON_CLUSTER)
    on_cluster = ON_CLUSTER | LONG
    known = [*on_cluster, *WITHOUT_CLUSTER]
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"unknown figure {', '.join(unknown)}; use one of {', '.join(known)}")
    world = prepare() if set(names) & on_cluster.keys() else None
    for name in names:
        if world is not None and name in on_cluster:
            on_cluster[name](world)
        elif name in WITHOUT_CLUSTER:
            WITHOUT_CLUSTER[name]()


def prepare() -> World:
    """Start the cluster, and install oomwarden from this checkout."""
    cluster = open_cluster(os.environ.get("OOMWARDEN_LAB", "test"), STORIES_LAB)
    config.load_kube_config(config_file=str(cluster.kubeconfig))
    world = World(cluster, client.ApiClient())
    image = cluster.build_and_load_image()
    Release(world, ROOT / "charts" / "oomwarden", image.repository, image.tag).install()
    return world


if __name__ == "__main__":
    main(sys.argv[1:])
