"""A record on its way to the API server, with its Event."""

from msgspec import Struct

from oomwarden.core.objects.json_parts import Manifest


class OutboxRow(Struct, frozen=True):
    """One record in the outbox.

    Attributes:
        kill: The OOMKill.
        event: The Event of the kill; None if the kill is too old for one.
        own_event: Whether the record gets an Event of its own; if not, the last series is raised.
        renamed: How often the record's name existed already.
    """

    kill: Manifest
    event: Manifest | None
    own_event: bool = True
    renamed: int = 0

    @property
    def key(self) -> str:
        """Namespace and name of the record."""
        return row_key(self.kill)

    @property
    def start(self) -> int:
        """Start of the record's range."""
        return int(self.kill["evidence"]["from"])

    @property
    def end(self) -> int:
        """End of the record's range, where the next one starts."""
        return int(self.kill["evidence"]["to"])


def row_key(manifest: Manifest) -> str:
    """Return namespace and name of a record or Event."""
    metadata = manifest["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"
