"""The agent's SQLite database on the node's disk."""
