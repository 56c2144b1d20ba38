"""Overcommit: the kernel's promise of memory, and what CommitLimit allows."""
