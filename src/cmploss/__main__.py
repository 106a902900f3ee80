"""``python -m cmploss``."""

import sys

from cmploss.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
