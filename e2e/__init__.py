"""User stories against a real cluster, and the lab that provides one."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this line checks what the rule assumes
    sys.exit("Python 3.11 or newer is needed: install it and run this again with it.")
