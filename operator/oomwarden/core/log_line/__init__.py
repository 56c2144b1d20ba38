"""A line of the log: its keys, its two formats, and how long and how frequent it may be."""
