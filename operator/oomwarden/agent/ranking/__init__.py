"""The ranking is served here: whom the kernel would kill next, for people with the right to ask."""
