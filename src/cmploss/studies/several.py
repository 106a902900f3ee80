"""Several data sets in one command: the arguments of a study for each, and its folder."""

from collections.abc import Collection
from pathlib import Path

from cmploss.errors import UserError
from cmploss.experiment.run_dir import LATEX_FILE, PAGE_FILE, REPORT_FILE, STUDY_FILE

_OTHER_DATA = ("task", "data_dir", "train_file", "validation_file", "test_file", "init_from_study")


def study_arguments(tasks: str, given: Collection[str], output_dir: str | None) -> tuple[Path, list[list[str]]]:
    """The folder of all data sets, and the arguments that each study adds.

    Args:
        tasks: Names of tasks or own files, joined by commas.
        given: Names of the options that were given.
        output_dir: The folder; by default below ``runs``.

    Raises:
        UserError: Fewer than two data sets, two of one name, another option for data, or a folder of something else.

    >>> study_arguments("helpdesk,tickets.csv", (), "runs/both")[1][1]
    ['--train_file', 'tickets.csv', '--output_dir', 'runs/both/tickets']
    """
    items = [item.strip() for item in tasks.split(",")]
    names = [Path(item).stem if Path(item).suffix else item for item in items]
    if len(items) < 2 or not all(items):
        raise UserError(f"--tasks must be data sets joined by commas, as in helpdesk,sst2,tickets.csv; got {tasks!r}")
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--tasks {tasks}: two data sets would be called {name}; rename one of the files")
    for option in _OTHER_DATA:
        if option in given:
            raise UserError(f"--tasks and --{option} exclude each other; leave one out")
    folder = Path(output_dir or f"runs/{'+'.join(names)}")
    if (folder / STUDY_FILE).exists():
        raise UserError(f"--output_dir {folder} holds a study of one data set; choose another folder")
    reports = [name for name in (PAGE_FILE, REPORT_FILE, LATEX_FILE) if (folder / name).exists()]
    if reports and not any((folder / name / STUDY_FILE).exists() for name in names):
        raise UserError(
            f"--output_dir {folder} has a {reports[0]} that compare --tasks did not write; choose another folder"
        )
    return folder, [
        ["--train_file" if Path(item).suffix else "--task", item, "--output_dir", (folder / name).as_posix()]
        for item, name in zip(items, names, strict=True)
    ]
