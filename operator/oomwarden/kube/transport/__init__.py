"""HTTP to the API server: requests, lists, watches, and objects that cannot be read."""
