"""Messages of the condition Store: what is wrong with the disk, and what to do."""

DETACHED = (
    "working in memory until the disk of the agent's state directory accepts writes, which the "
    "agent retries: free space or repair the disk. Until then, what is not delivered does not "
    "survive a restart of the agent, and containers whose original values are not on the disk are "
    "not changed"
)
UNREAD = (
    "the store could not be read, so no container is changed: repair the disk of the agent's "
    "state directory, then restart the agent"
)
IN_MEMORY = (
    "working in memory, so what is not delivered does not survive a restart of the agent: free "
    "space or repair the disk of its state directory, then restart the agent"
)
NEARLY_FULL = (
    "the disk of the agent's state directory is nearly full; the store uses pages of its file that "
    "it reserved for this, which do not last long: free space on the disk"
)
REWRITTEN = "and what could be read was written to a new one: check the disk"
NEW_FILE = (
    "the original values of running containers are lost, so their scores are not restored until "
    "they restart: check the disk; this message stays until the agent is restarted"
)
