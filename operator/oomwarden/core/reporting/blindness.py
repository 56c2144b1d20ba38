"""Where detection cannot see: watches that the kernel refuses, cgroups that cannot be opened."""

from dataclasses import dataclass

_MEANWHILE = (
    "meanwhile the agent looks at short intervals, and names a container only where the kernel log "
    "or the container's own counters tell it, so some kills may have candidates only"
)


@dataclass(frozen=True, slots=True)
class Blindness:
    """Counts of what is missing, and why, as the kernel says; `examples` are cgroup paths."""

    watches: int = 0
    watches_why: str = ""
    unopened: int = 0
    unopened_why: str = ""
    examples: tuple[str, ...] = ()

    @classmethod
    def of_top(cls, path: str, why: str) -> "Blindness":
        """Tell that not even the root of all pods can be opened."""
        return cls(unopened=1, unopened_why=why, examples=(path,))

    def watches_remedy(self, most_watches: int | None, most_instances: int | None) -> str:
        """Say what to do about missing watches; empty: none is missing.

        Args:
            most_watches: fs.inotify.max_user_watches of the node; None: not known.
            most_instances: fs.inotify.max_user_instances.
        """
        if not self.watches:
            return ""
        return (
            f"{self.watches} inotify watches are refused ({self.watches_why}): all root processes "
            "of the node and of its containers share fs.inotify.max_user_watches (now "
            f"{_shown(most_watches)}) and fs.inotify.max_user_instances (now "
            f"{_shown(most_instances)}): raise them with sysctl, or stop what uses them "
            "(`find /proc/*/fd -lname anon_inode:inotify` as root lists who); " + _MEANWHILE
        )

    def unopened_remedy(self, most_files: int) -> str:
        """Say what to do about cgroups that cannot be opened; empty: all are open.

        Args:
            most_files: The agent's limit of open files.
        """
        if not self.unopened:
            return ""
        named = ", ".join(self.examples) + (" and others" if self._has_more else "")
        return (
            f"{self.unopened} cgroups cannot be read ({self.unopened_why}): {named}. The agent may "
            f"open {most_files} files: raise LimitNOFILE of the container runtime's service where "
            "that is low, fs.file-max where the node has no files left, or the node's memory; "
            + _MEANWHILE
        )

    @property
    def _has_more(self) -> bool:
        return self.unopened > len(self.examples)


def _shown(number: int | None) -> str:
    return "unknown" if number is None else str(number)
