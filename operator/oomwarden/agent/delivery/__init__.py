"""Records are delivered here: from the outbox to the API server, with back-off."""
