"""The API server: client, watches, writes and their errors. Knows nothing of the host."""
