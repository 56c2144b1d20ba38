"""Gaps in detection: inotify watches that the kernel refuses, and cgroups that cannot be opened."""

from msgspec import Struct

_MEANWHILE = (
    "meanwhile the agent polls at short intervals, and names the killed container only if the "
    "kernel log or the container's own counters identify it, so some records may list "
    "candidates only"
)


class DetectionGaps(Struct, frozen=True):
    """What is missing, and the kernel's error.

    Attributes:
        watches: How many inotify watches are refused.
        watches_error: Why.
        unopened: How many cgroups cannot be opened.
        unopened_error: Why.
        examples: Paths of some of these cgroups.
    """

    watches: int = 0
    watches_error: str = ""
    unopened: int = 0
    unopened_error: str = ""
    examples: tuple[str, ...] = ()

    @classmethod
    def for_root(cls, path: str, why: str) -> "DetectionGaps":
        """Return the gaps if not even the root cgroup of all pods can be opened."""
        return cls(unopened=1, unopened_error=why, examples=(path,))

    def watches_remedy(self, most_watches: int | None, most_instances: int | None) -> str:
        """Explain what to do about missing watches; empty if none is missing.

        Args:
            most_watches: fs.inotify.max_user_watches of the node; None if it is not known.
            most_instances: fs.inotify.max_user_instances; None if it is not known.
        """
        if not self.watches:
            return ""
        return (
            f"{self.watches} inotify watches are refused ({self.watches_error}): all root "
            "processes of the node and of its containers share fs.inotify.max_user_watches (now "
            f"{_shown(most_watches)}) and fs.inotify.max_user_instances (now "
            f"{_shown(most_instances)}). Raise them with sysctl, or stop the processes that use "
            "them (`find /proc/*/fd -lname anon_inode:inotify` as root lists them); " + _MEANWHILE
        )

    def unopened_remedy(self, most_files: int) -> str:
        """Explain what to do about cgroups that cannot be opened; empty if all are open.

        Args:
            most_files: The agent's limit of open files.
        """
        if not self.unopened:
            return ""
        named = ", ".join(self.examples) + (" and others" if self._has_more else "")
        return (
            f"{self.unopened} cgroups cannot be read ({self.unopened_error}): {named}. The agent "
            f"may open {most_files} files: raise LimitNOFILE of the container runtime's service if "
            "that is low, fs.file-max if the node has no files left, or the node's memory; "
            + _MEANWHILE
        )

    @property
    def _has_more(self) -> bool:
        return self.unopened > len(self.examples)


def _shown(number: int | None) -> str:
    return "unknown" if number is None else str(number)
