"""A kill on purpose: the pod that dies for it, and what is expected to follow."""
