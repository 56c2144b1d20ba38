"""What the agent knows of the API server's objects."""
