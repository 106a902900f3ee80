"""The report as one HTML page that needs nothing else: no network, no other file."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cmploss.records import RunRecord
from cmploss.reports.figures import COLOURS
from cmploss.reports.formats import cost_text, difference_text, mark, mean_text, p_text
from cmploss.reports.html.svg import marker
from cmploss.reports.html.views import StudyRuns, read_study, slots_of, study_view
from cmploss.reports.tables import footnote

_MARKER = 10  # width of a marker in running text
# A direction that a name forces and does not end would turn the rest of a sentence round; a box is shown in its place.
_FORCED_DIRECTIONS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e"), "\ufffd")


def write_report(folder: Path, records: Sequence[RunRecord], path: Path, *, baseline: str | None = None) -> None:
    """Write the page about one study; an earlier one is replaced.

    Args:
        folder: Of the study: texts of its examples and ``embeddings.svg`` are taken from there, where they are.
        records: Its runs; what cannot be compared with one another becomes sections of its own.
        path: Of the page.
        baseline: Objective to compare with, by default ``supervised``, else another baseline, else the first.

    Raises:
        UserError: No records, or some that cannot be compared.
    """
    write_page([read_study(folder, records)], path, baseline=baseline)


def write_page(studies: Sequence[StudyRuns], path: Path, *, baseline: str | None = None) -> None:
    """Write the page about several studies side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report_page(studies, baseline=baseline), encoding="utf-8")


def report_page(studies: Sequence[StudyRuns], *, baseline: str | None = None) -> str:
    """The page as text.

    Everything that comes from a record is escaped, and the page forbids itself every request and every other script.
    """
    slots = slots_of(studies)
    views = [
        study_view(study, number, slots, baseline=baseline, share=len(studies)) for number, study in enumerate(studies)
    ]
    environment = Environment(
        loader=PackageLoader("cmploss.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"mean": mean_text, "difference": difference_text, "p": p_text, "cost": cost_text}
    script = _source(environment, "script.js")
    page = environment.get_template("page.html").render(
        title=views[0].title if len(views) == 1 else " · ".join(view.title for view in views),
        studies=views,
        slots=slots,
        colours=COLOURS,
        script=Markup(script),
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=Markup(_source(environment, "style.css")),
        footnote=footnote,
        mark=mark,
        swatch=_swatch,
    )
    return page.translate(_FORCED_DIRECTIONS)


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _swatch(slot: int) -> Markup:
    """The marker of an objective, for running text."""
    return Markup('<svg class="swatch s{}" viewBox="0 0 {w} {w}" aria-hidden="true">{}</svg>').format(
        slot % len(COLOURS), marker(slot, _MARKER / 2, _MARKER / 2, 4), w=_MARKER
    )
