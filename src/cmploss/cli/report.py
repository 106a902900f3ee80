"""One page about finished runs, from their records alone: answer, table, figures, examples, settings.

STUDY is a folder with records below it, or one that retrieve evaluate wrote; several are put side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Literal

from cmploss.atomic import write_text
from cmploss.cli.console import out
from cmploss.errors import UserError
from cmploss.experiment import FEEDBACK_FILE, read_feedback, read_records
from cmploss.options import parse_arguments
from cmploss.reports import latex_text, markdown_report
from cmploss.reports.feedback import feedback_latex, feedback_markdown
from cmploss.reports.html import StudyRuns, read_study, write_feedback_page, write_page


@dataclass(frozen=True)
class ReportFlags:
    """What is written, and where to.

    Attributes:
        format: html is one page that needs no network, md the same without figures, latex the tables for a paper.
        output_file: File to write; report.html, report.md or report.tex in the folder of the study by default.
        baseline: Objective to compare with; by default supervised, else another baseline, else the first.
    """

    format: Literal["html", "md", "latex"] = "html"
    output_file: str | None = None
    baseline: str | None = None


USAGE = "STUDY… [--format html|md|latex] [--output_file FILE] [--baseline NAME]"
SECTIONS = (ReportFlags,)
TRAINING = False
_SUFFIXES = {"html": "html", "md": "md", "latex": "tex"}


def run(argv: Sequence[str]) -> None:
    """Parse, read and write."""
    names = list(takewhile(lambda word: not word.startswith("--"), argv))
    flags = parse_arguments(argv[len(names) :], SECTIONS)[ReportFlags]
    if not names:
        raise UserError("report: no study; give the folder of finished runs, as in cmploss report runs/helpdesk")
    path = _path(names, flags)
    evaluations = [name for name in names if (Path(name) / FEEDBACK_FILE).is_file()]
    if evaluations and len(evaluations) < len(names):
        other = next(name for name in names if name not in evaluations)
        raise UserError(f"report: {evaluations[0]} is an evaluation of feedback and {other} is none; make two pages")
    what = _evaluations(names, flags, path) if evaluations else _studies(names, flags, path)
    out.print(f"{path}: {what}, {path.stat().st_size / 1000:.0f} kB", markup=False)


def _studies(names: Sequence[str], flags: ReportFlags, path: Path) -> str:
    studies = [read_study(Path(name), read_records(name)) for name in names]
    if flags.baseline is not None:
        _check_baseline(flags.baseline, studies)
    if flags.format == "html":
        write_page(studies, path, baseline=flags.baseline)
    else:
        text = "\n".join(
            markdown_report(study.records, title=study.title, baseline=flags.baseline)
            if flags.format == "md"
            else latex_text(study.title, study.records, baseline=flags.baseline)
            for study in studies
        )
        write_text(path, text)
    runs = sum(len(study.records) for study in studies)
    return f"{runs} run{'s' if runs > 1 else ''}"


def _evaluations(names: Sequence[str], flags: ReportFlags, path: Path) -> str:
    if flags.baseline is not None:
        raise UserError(f"--baseline {flags.baseline}: feedback is compared with no feedback; leave it out")
    title_of = (lambda name: Path(name).resolve().name) if len(names) == 1 else str
    records = {title_of(name): read_feedback(Path(name) / FEEDBACK_FILE) for name in names}
    if flags.format == "html":
        write_feedback_page(records, path)
    else:
        text_of = feedback_markdown if flags.format == "md" else feedback_latex
        write_text(path, "\n".join(text_of(*item) for item in records.items()))
    queries = sum(len(record.data["queries"]) for record in records.values())
    return f"feedback on {queries} quer{'ies' if queries > 1 else 'y'}"


def _path(names: Sequence[str], flags: ReportFlags) -> Path:
    if flags.output_file is None:
        if len(names) > 1:
            raise UserError(f"report: {len(names)} studies; say where their page goes, as in --output_file report.html")
        return Path(names[0]) / f"report.{_SUFFIXES[flags.format]}"
    path = Path(flags.output_file)
    if path.exists():
        raise UserError(f"--output_file {path} exists already; give another name")
    if not path.parent.is_dir():
        raise UserError(f"--output_file {path}: there is no folder {path.parent}; make it first")
    return path


def _check_baseline(baseline: str, studies: Sequence[StudyRuns]) -> None:
    for study in studies:
        known = dict.fromkeys(record.name for record in study.records)
        if baseline not in known:
            raise UserError(
                f"--baseline {baseline}: {study.title} has no such objective; choose from {', '.join(known)}"
            )
