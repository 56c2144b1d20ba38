"""What memory.oom.group was in each container before oomwarden's first write, saved before it."""

from dataclasses import dataclass

from oomwarden.agent.baselines.rows import PersistedByContainer, Table
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.group_files import GroupFiles

TABLE = Table("group_kills", ("found",), lambda files: (files.code,), GroupFiles.of_code)


@dataclass(slots=True)
class GroupKillBaselines(PersistedByContainer[GroupFiles]):
    """The files of each container. Without the store that had them, nothing is put back."""

    table = TABLE

    def record(self, container: Container, found: GroupFiles | None) -> None:
        """Change what is known; it is written at the next `save`."""
        if found is None:
            self.forget(container)
        else:
            self.put(container, found)
