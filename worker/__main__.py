"""``python -m worker`` is the same as ``privacy-desk``."""

import sys

from worker.cli import main

sys.exit(main())
