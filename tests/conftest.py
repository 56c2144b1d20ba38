"""Settings of property tests: no time limit, and failures print how to reproduce them.

In CI, the examples are the same in each run. New examples are searched for on developers' machines.
"""

import os

from hypothesis import settings

settings.register_profile("oomwarden", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("oomwarden"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "oomwarden")
