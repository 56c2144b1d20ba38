"""Which pods this boot's agents ran in, stored before anything else takes memory.

An agent that is OOM-killed while it starts cannot say so itself: its successor reads here whose
kill that was. Only light modules of the standard library are imported for it.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oomwarden.kernel.boot import boot_id

FILE = "agents.json"
AT_MOST = 8
"""Pods kept, the newest: upgrades within one boot."""
OWN_CGROUP = Path("/sys/fs/cgroup")
"""Where a container with a cgroup namespace of its own finds its own cgroup."""
_ENVIRONMENT = {"uid": "POD_UID", "name": "POD_NAME", "namespace": "POD_NAMESPACE"}

Pod = dict[str, Any]


def introduce(environment: Mapping[str, str], own_cgroup: Path = OWN_CGROUP) -> None:
    """Store this agent's pod, from the variables that the chart sets from the downward API.

    Where that cannot be done the agent runs all the same, and says on stderr what is lost.

    Args:
        environment: POD_UID, POD_NAME, POD_NAMESPACE; OOMWARDEN_STATE_DIR and OOMWARDEN_PROC.
        own_cgroup: The agent's own cgroup.
    """
    state_dir = Path(environment.get("OOMWARDEN_STATE_DIR", "/var/lib/oomwarden"))
    proc = Path(environment.get("OOMWARDEN_PROC", "/proc"))
    try:
        pod: Pod = {key: environment[name] for key, name in _ENVIRONMENT.items()}
        pod |= {"limit": memory_limit(own_cgroup), "started": time.time()}
        _write(state_dir, boot_id(proc), pod)
    except (KeyError, OSError) as error:
        sys.stderr.write(
            "oomwarden-agent: it could not store which pod it runs in, so a kill of it may stay "
            f"without a record: {type(error).__name__}: {error}\n"
        )


def introduced(state_dir: Path, boot: str) -> list[Pod]:
    """Read the pods of this boot's agents, the oldest first; a file that cannot be read has none.

    Each has `uid`, `name` and `namespace`, `limit` (memory.max in bytes; None: no limit) and
    `started` (seconds since 1970).
    """
    try:
        kept = json.loads((state_dir / FILE).read_bytes())
    except (OSError, ValueError):  # not there yet, or cut by a full disk
        return []
    right = isinstance(kept, dict) and kept.get("boot") == boot
    pods = kept.get("pods") if right else None
    return [pod for pod in pods if _is_whole(pod)] if isinstance(pods, list) else []


def _is_whole(pod: object) -> bool:
    if not isinstance(pod, dict):
        return False
    texts = all(isinstance(pod.get(key), str) for key in _ENVIRONMENT)
    limit = pod.get("limit")
    return texts and (limit is None or isinstance(limit, int))


def memory_limit(own_cgroup: Path = OWN_CGROUP) -> int | None:
    """Give memory.max of the agent's container in bytes; None: no limit, or none to be seen."""
    try:
        text = (own_cgroup / "memory.max").read_text().strip()
    except OSError:  # the cgroup namespace is the host's: nobody can say which cgroup is ours
        return None
    return int(text) if text.isdecimal() else None


def _write(state_dir: Path, boot: str, pod: Pod) -> None:
    """Replace the file as a whole: a kill amid the write leaves the old one."""
    others = [one for one in introduced(state_dir, boot) if one["uid"] != pod["uid"]]
    kept = {"boot": boot, "pods": [*others, pod][-AT_MOST:]}
    beside = state_dir / f"{FILE}.new"
    try:
        beside.write_text(json.dumps(kept))
        beside.replace(state_dir / FILE)
    finally:
        beside.unlink(missing_ok=True)
