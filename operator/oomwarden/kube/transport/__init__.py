"""HTTP to the API server: requests, lists, watches, and the handling of unreadable objects."""
