"""Memory limits: resizes that agents ask for, and raises after a kill."""
