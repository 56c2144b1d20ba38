"""The kernel's arithmetic of the OOM killer: points, scores, and who is next."""
