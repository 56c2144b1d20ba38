"""The API server: client, watches, writes and their errors. No access to the host here."""
