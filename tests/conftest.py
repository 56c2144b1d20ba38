"""Property tests: an example may take any time, and prints how to repeat it.

In CI they are the same at each run; new ones are looked for where somebody sits before them.
"""

import os

from hypothesis import settings

settings.register_profile("oomwarden", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("oomwarden"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "oomwarden")
