"""Memory limits: resizes that agents request, and raises after an OOM kill."""
