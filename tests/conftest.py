"""Property tests on a busy machine: an example may take any time, and prints how to repeat it."""

from hypothesis import settings

settings.register_profile("oomwarden", deadline=None, print_blob=True)
settings.load_profile("oomwarden")
