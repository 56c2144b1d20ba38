"""Objects of the API server read by their shape: a part of another shape counts as absent."""
