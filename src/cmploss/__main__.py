"""``python -m cmploss``."""

import sys

from cmploss.cli.main import main

sys.exit(main())
