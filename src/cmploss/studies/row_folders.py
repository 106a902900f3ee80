"""The folders of the rows of a study, next to what the study itself writes."""

from collections.abc import Iterable

from cmploss.errors import UserError
from cmploss.experiment.example_store import FOLDER as EXAMPLES_FOLDER
from cmploss.experiment.looks import LOOKS_FILE
from cmploss.experiment.record import REFERENCE_FOLDER
from cmploss.experiment.run_dir import (
    BEST_FOLDER,
    EMBEDDINGS_FILE,
    LATEX_FILE,
    LENGTH_FILE,
    NEW_BEST_FOLDER,
    NOISY_FOLDER,
    PAGE_FILE,
    PILOT_FOLDER,
    REPORT_FILE,
    STUDY_FILE,
    folder_name,
)

RESERVED = frozenset(
    {
        *(BEST_FOLDER, NEW_BEST_FOLDER, REFERENCE_FOLDER, EXAMPLES_FOLDER, NOISY_FOLDER, PILOT_FOLDER),
        *(STUDY_FILE, LENGTH_FILE, LOOKS_FILE, PAGE_FILE, REPORT_FILE, LATEX_FILE, EMBEDDINGS_FILE),
    }
)
"""What a study writes into its folder, without hidden files and rows."""


def check_row_folders(rows: Iterable[str]) -> None:
    """Refuse names of rows whose results would replace those of another row, or what the study writes itself.

    >>> check_row_folders(["supervised", "best"])
    Traceback (most recent call last):
    ...
    cmploss.errors.UserError: objective best: a study uses the name best itself; give another label, as in a=supervised
    """
    found: dict[str, str] = {}
    for row in rows:
        folder = folder_name(row)
        same = folder.casefold()  # many file systems ignore case
        if same.startswith("."):
            raise UserError(f"objective {row}: a label must not begin with a dot; give another one, as in a=supervised")
        if same in RESERVED:
            raise UserError(
                f"objective {row}: a study uses the name {folder} itself; give another label, as in a=supervised"
            )
        other = found.setdefault(same, row)
        if other != row:
            raise UserError(
                f"objectives {other} and {row} would have one folder, {folder}; give one of them another label, as in "
                "a=supervised"
            )
