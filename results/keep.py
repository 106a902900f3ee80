"""Keep a finished study in this folder: its records without predictions, and the report that was made with them.

python results/keep.py runs/squad-1500 results/squad-1500
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from cmploss.records import read_record, write_record

REPORT = "report.md"


def keep(study: Path, target: Path) -> None:
    """Copy every record without its predictions, and the report of the study."""
    for path in sorted(study.rglob("record.json")):
        write_record(replace(read_record(path), predictions={}), target / path.relative_to(study))
    shutil.copy(study / REPORT, target / REPORT)


if __name__ == "__main__":
    keep(*map(Path, sys.argv[1:]))
