"""From a counter range to an incident: its cause, its victims and the memory used before it."""
