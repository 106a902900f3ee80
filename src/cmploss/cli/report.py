"""One page about finished runs, from their records alone: answer, table, figures, examples, settings.

STUDY is a folder with records below it, or one of compare --tasks; several studies are put side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

from cmploss.atomic import write_text
from cmploss.cli.console import new_path, out, output_path
from cmploss.cli.run_output import print_words
from cmploss.errors import UserError
from cmploss.experiment import read_records
from cmploss.experiment.run_dir import RECORD_FILE, STUDY_FILE
from cmploss.options import parse_arguments


@dataclass(frozen=True)
class ReportFlags:
    """What to write, and where.

    Attributes:
        format: html is one page that needs no network, md the same without figures, latex the tables for a paper.
        output_file: File to write; by default report.html, report.md or report.tex in the folder of the study.
        baseline: Objective to compare with; by default supervised, else another baseline, else the first.
        margin: Points within which two objectives count as the same.
    """

    format: Literal["html", "md", "latex"] = "html"
    output_file: str | None = None
    baseline: str | None = None
    margin: float = 1.0


USAGE = "STUDY… [--format html|md|latex] [--output_file FILE] [--baseline NAME] [--margin POINTS]"
SECTIONS = (ReportFlags,)
_SUFFIXES = {"html": "html", "md": "md", "latex": "tex"}


def run(argv: Sequence[str]) -> None:
    names = list(takewhile(lambda word: not word.startswith("--"), argv))
    flags = parse_arguments(argv[len(names) :], SECTIONS)[ReportFlags]
    if not names:
        raise UserError("report: no study; give the folder of finished runs, as in cmploss report runs/helpdesk")
    if not flags.margin > 0:
        raise UserError(f"--margin must be > 0, got {flags.margin:g}")
    path = _path(names, flags)
    records = {folder: read_records(folder) for name in names for folder in _studies(Path(name))}
    from cmploss.reports.all_formats import over_data_sets, report_text
    from cmploss.reports.html import read_study

    studies = [read_study(folder, found) for folder, found in records.items()]
    options: dict[str, Any] = {"baseline": flags.baseline, "margin": flags.margin}
    text = report_text(studies, flags.format, **options)
    together = over_data_sets(studies, **options)
    write_text(path, text)
    runs = sum(len(study.records) for study in studies)
    size = path.stat().st_size / 1000
    out.print(f"{path}: {runs} run{'s' if runs > 1 else ''}, {size:.0f} kB")
    if together:
        print_words(together.sentence)


def _studies(folder: Path) -> list[Path]:
    """The studies in the folder of several, if all of its records are theirs; else the folder."""
    records = list(folder.glob(f"**/{RECORD_FILE}"))
    begun = sorted(path.parent for path in folder.glob(f"*/{STUDY_FILE}"))
    inner = [study for study in begun if any(study in record.parents for record in records)]
    alone = (folder / STUDY_FILE).exists() or any(not {*inner} & {*record.parents} for record in records)
    return [folder] if alone or not inner else inner


def _path(names: Sequence[str], flags: ReportFlags) -> Path:
    if flags.output_file is None:
        if len(names) > 1:
            raise UserError(f"report: {len(names)} studies need a file for their page, as in --output_file report.html")
        return output_path("output_file", f"{names[0]}/report.{_SUFFIXES[flags.format]}")
    path = new_path("output_file", flags.output_file)
    if not path.parent.is_dir():
        raise UserError(f"--output_file {path}: folder {path.parent} does not exist; create it first")
    return path
