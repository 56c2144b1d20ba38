"""The program in the archive: `kubectl oom`, or its completion under kubectl's name for that."""

import sys
from pathlib import Path

from oomwarden.cli.start import complete, main

if Path(sys.argv[0]).name == "kubectl_complete-oom":
    complete()
else:
    main()
