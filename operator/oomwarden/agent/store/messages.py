"""What the condition Store says of the disk, and what to do."""

DETACHED = (
    "working in memory until the disk of the agent's state directory takes writes again, which is "
    "tried again by itself: free or mend it. Until then nothing that is not delivered survives a "
    "restart of the agent, and no container is changed whose own values are not on the disk"
)
UNREAD = (
    "what the file holds is not known, so no container is changed: mend the disk of the agent's "
    "state directory, then restart the agent"
)
IN_MEMORY = (
    "working in memory, so nothing that is not delivered survives a restart of the agent; free or "
    "mend the disk of its state directory, then restart it"
)
NEARLY_FULL = (
    "the disk of the agent's state directory is nearly full; the store goes on in pages of its "
    "file that it keeps free for this, which do not last long: free the disk"
)
AGAIN = "and a new one is written from what was read: see whether the disk is in order"
ANEW = (
    "what it knew of containers that run is lost, so their scores are not put back until they "
    "restart: see whether the disk is in order; this is told until the agent is restarted"
)
