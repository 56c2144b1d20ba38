"""Names that are safe in a command that people paste.

An owner's kind and name can be any text (kubernetes apimachinery pkg/api/validation/objectmeta.go,
validateOwnerReference, v1.37), so the name of a Deployment could contain shell code.
"""

import re

from oomwarden.api.oomkill import Owner

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")
"""DNS-1123, which Kubernetes requires for names of workloads and containers."""
_TEMPLATES = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}
"""Kinds whose pod template `kubectl set resources` can change."""
_SHOWN = 63
_ACTIVE = re.compile(r"[^A-Za-z0-9 ._:/-]")
"""Characters that may have a meaning in a shell, or are not ASCII."""


def is_object_name(text: str | None) -> bool:
    """Return whether Kubernetes allows this name, which is then safe in a shell."""
    return text is not None and _SUBDOMAIN.match(text) is not None


def has_template(owner: Owner | None) -> bool:
    """Return whether an owner can be named in a command that changes its pod template."""
    return owner is not None and owner.kind in _TEMPLATES and is_object_name(owner.name)


def describe_owner(owner: Owner) -> str:
    """Describe an owner for people: by its name if that is valid, else quoted, cut and escaped."""
    known = owner.kind.isascii() and owner.kind.isalnum() and is_object_name(owner.name)
    if known:
        return f"{owner.kind} {owner.name}"
    kind, name = (_ACTIVE.sub("?", part[:_SHOWN]) for part in (owner.kind, owner.name))
    return f'the owner that calls itself "{kind} {name}"'
