"""The C library's heap of this process."""

import ctypes


def release_free_memory() -> bool:
    """Give memory that is free, but still held by the C library, back to the kernel.

    What start-up needed for a moment lies between what stays: about 1 MiB of an agent
    (glibc 2.36, malloc/malloc.c, malloc_trim).

    Returns:
        False if the C library cannot do it, as musl cannot, or had nothing to give back.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return bool(trim and trim(0))
