"""The metadata of an OOMKill: its name, and its labels as far as their values are valid."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from oomwarden.api.vocabulary import LABEL_CAUSE, LABEL_NODE, LABEL_POD_UID

_NAME_MAX = 253
_HASH_DIGITS = 8
_LABEL_MAX = 63
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
"""kubernetes apimachinery pkg/util/validation, IsValidLabelValue; a node's name may be longer."""


def record_name(  # noqa: PLR0913, PLR0917 - what it covers
    pod: str, boot_id: str, cgroup: int, epoch: int, start: int, node: str = "", salt: str = ""
) -> str:
    """Return a record's name, derived from what it covers, so that it cannot be created twice.

    Args:
        pod: The pod's name.
        boot_id: The boot.
        cgroup: Inode of the cgroup whose counter it is.
        epoch: Epoch of the counter.
        start: Start of the range.
        node: The node. Machines that were cloned while they ran share their boot id.
        salt: Changes the name if another record already has it.
    """
    key = f"{boot_id}/{cgroup}/{epoch}/{start}/{node}/{salt}".encode()
    digest = hashlib.sha256(key).hexdigest()[:_HASH_DIGITS]
    return f"{pod[: _NAME_MAX - _HASH_DIGITS - 1].rstrip('-.')}-{digest}"


def name_of(kill: Mapping[str, Any], salt: str = "") -> str:
    """Return the name of a record, derived from its own fields."""
    evidence = kill["evidence"]
    counter = evidence["bootID"], evidence["cgroup"], evidence.get("epoch", 0), evidence["from"]
    return record_name(kill["pod"]["name"], *counter, kill.get("node", ""), salt)


def node_label(node: str) -> str:
    """Return a node's name as a label; if it is too long, its beginning and a hash."""
    if len(node) <= _LABEL_MAX:
        return node
    digest = hashlib.sha256(node.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{node[: _LABEL_MAX - _HASH_DIGITS - 1]}-{digest}"


def labels_of(kill: Mapping[str, Any]) -> dict[str, str]:
    """Return a record's labels, for people who select by labels; programs select by fields.

    A value that is not valid in a label is left out: the API server would reject the record.
    """
    values = {
        LABEL_NODE: node_label(kill.get("node", "")),
        LABEL_POD_UID: kill["pod"].get("uid", ""),
        LABEL_CAUSE: kill["cause"],
    }
    return {key: value for key, value in values.items() if _LABEL_VALUE.fullmatch(value)}
