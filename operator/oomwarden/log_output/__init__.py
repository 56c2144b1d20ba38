"""The log of agent and operator: one stream, one line for each event."""
