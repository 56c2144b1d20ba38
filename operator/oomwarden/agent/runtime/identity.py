"""Stores which pods this boot's agents ran in, before the agent uses much memory.

An agent that is OOM-killed while it starts cannot record that itself: its successor reads here
which pod was killed. This module only imports small modules of the standard library.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oomwarden.kernel.boot import boot_id

FILE = "agents.json"
MAX_KEPT = 8
"""The newest pods that are kept; each upgrade within one boot adds one."""
OWN_CGROUP = Path("/sys/fs/cgroup")
"""The own cgroup of a container that has its own cgroup namespace."""
_ENVIRONMENT = {"uid": "POD_UID", "name": "POD_NAME", "namespace": "POD_NAMESPACE"}

Pod = dict[str, Any]


def record_identity(environment: Mapping[str, str], own_cgroup: Path = OWN_CGROUP) -> str:
    """Store this agent's pod, from the variables that the chart sets from the downward API.

    If that fails, the agent runs without it.

    Args:
        environment: POD_UID, POD_NAME, POD_NAMESPACE; OOMWARDEN_STATE_DIR and OOMWARDEN_PROC.
        own_cgroup: The agent's own cgroup.

    Returns:
        What went wrong and its consequence, to be logged; empty if nothing did.
    """
    state_dir = Path(environment.get("OOMWARDEN_STATE_DIR", "/var/lib/oomwarden"))
    proc = Path(environment.get("OOMWARDEN_PROC", "/proc"))
    try:
        pod: Pod = {key: environment[name] for key, name in _ENVIRONMENT.items()}
        pod |= {"limit": memory_limit(own_cgroup), "started": time.time()}
        _write(state_dir, boot_id(proc), pod)
    except (KeyError, OSError) as error:
        return (
            "cannot store which pod the agent runs in, so an OOM kill of the agent may not be "
            f"recorded: {type(error).__name__}: {error}"
        )
    return ""


def load_identities(state_dir: Path, boot: str) -> list[Pod]:
    """Return the pods of this boot's agents, oldest first; none if the file cannot be read.

    Each has `uid`, `name` and `namespace`, `limit` (memory.max in bytes; None for no limit) and
    `started` (seconds since 1970).
    """
    try:
        kept = json.loads((state_dir / FILE).read_bytes())
    except (OSError, ValueError):  # not there yet, or cut by a full disk
        return []
    of_this_boot = isinstance(kept, dict) and kept.get("boot") == boot
    pods = kept.get("pods") if of_this_boot else None
    return [pod for pod in pods if _is_complete(pod)] if isinstance(pods, list) else []


def _is_complete(pod: object) -> bool:
    if not isinstance(pod, dict):
        return False
    texts = all(isinstance(pod.get(key), str) for key in _ENVIRONMENT)
    limit = pod.get("limit")
    return texts and (limit is None or isinstance(limit, int))


def memory_limit(own_cgroup: Path = OWN_CGROUP) -> int | None:
    """Return memory.max of the agent's container in bytes; None if there is no limit to read."""
    try:
        text = (own_cgroup / "memory.max").read_text().strip()
    except OSError:  # the cgroup namespace is the host's, so this is not the agent's own cgroup
        return None
    return int(text) if text.isdecimal() else None


def _write(state_dir: Path, boot: str, pod: Pod) -> None:
    """Replace the file atomically: a kill during the write leaves the old one."""
    others = [one for one in load_identities(state_dir, boot) if one["uid"] != pod["uid"]]
    kept = {"boot": boot, "pods": [*others, pod][-MAX_KEPT:]}
    beside = state_dir / f"{FILE}.new"
    try:
        beside.write_text(json.dumps(kept))
        beside.replace(state_dir / FILE)
    finally:
        beside.unlink(missing_ok=True)
