"""The record in a Lease (coordination.k8s.io/v1): who holds it, and since when."""

from datetime import UTC, datetime

from msgspec import Struct

from oomwarden.core.objects.json_parts import Manifest, object_at

MAX_LEASE_SECONDS = 600
"""Limit on the duration that is read: any client that may write the Lease can set 68 years."""


class LeaseRecord(Struct, frozen=True):
    """What a Lease says.

    The times are for people: those of different machines are never compared.

    Attributes:
        holder: Identity of the holder; empty if nobody holds it.
        duration: Seconds for which others wait for the holder.
        acquired: When the holder acquired it, as MicroTime; empty if unknown.
        renewed: When the holder renewed it last, as MicroTime; empty if unknown.
        transitions: How often the holder has changed.
    """

    holder: str
    duration: int
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0


def read_lease(lease: Manifest) -> LeaseRecord:
    """Read the record of a Lease; whatever is missing or unreadable has its empty value."""
    spec = object_at(lease, "spec")
    return LeaseRecord(
        _text(spec.get("holderIdentity")),
        min(_number(spec.get("leaseDurationSeconds")), MAX_LEASE_SECONDS),
        _text(spec.get("acquireTime")),
        _text(spec.get("renewTime")),
        _number(spec.get("leaseTransitions")),
    )


def with_record(lease: Manifest, record: LeaseRecord) -> Manifest:
    """Return the Lease with another record; fields that are not part of it stay."""
    written = {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration,
        "acquireTime": record.acquired,
        "renewTime": record.renewed,
        "leaseTransitions": record.transitions,
    }
    return {**lease, "spec": {**object_at(lease, "spec"), **written}}


def micro_time(moment: datetime) -> str:
    """Format a time as Kubernetes' MicroTime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return max(value, 0) if isinstance(value, int) else 0
