"""The page about studies: a template rendered as one file, with no request and no script but its own."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cmploss.atomic import write_text
from cmploss.experiment import RunRecord
from cmploss.reports.curves import COLOURS
from cmploss.reports.formatting import cost_text, difference_text, mark, mean_text, p_text, signed
from cmploss.reports.html import svg
from cmploss.reports.html.heat_view import heat_view
from cmploss.reports.html.several_view import several_view
from cmploss.reports.html.study_view import StudyRuns, read_study, slots_of, study_view
from cmploss.reports.several_data import several_data
from cmploss.reports.table import MARGIN
from cmploss.reports.table_text import footnote, pairs_text

_MARKER = 10  # width of a marker in running text
# A direction that a name forces and does not end would turn the rest of a sentence round; a box is shown in its place.
_FORCED_DIRECTIONS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e"), "\ufffd")


def write_report(
    folder: Path,
    records: Sequence[RunRecord],
    path: Path,
    *,
    baseline: str | None = None,
    margin: float = MARGIN,
) -> None:
    """Write the page about one study; an earlier one is replaced.

    Args:
        folder: Of the study: texts of its examples and ``embeddings.svg`` are taken from there, where they are.
        records: Its runs; what cannot be compared with one another becomes sections of its own.
        path: Of the page.
        baseline: Objective to compare with, by default ``supervised``, else another baseline, else the first.
        margin: Points within which two objectives count as the same.

    Raises:
        UserError: No records, or some that cannot be compared.
    """
    write_text(path, report_page([read_study(folder, records)], baseline=baseline, margin=margin))


def report_page(studies: Sequence[StudyRuns], *, baseline: str | None = None, margin: float = MARGIN) -> str:
    """The page about several studies side by side, as text.

    Everything that comes from a record is escaped, and the page forbids itself every request and every other script.
    """
    slots = slots_of(studies)
    views = [
        study_view(study, f"study-{number}", slots, baseline=baseline, margin=margin, share=len(studies))
        for number, study in enumerate(studies)
    ]
    cells = [
        (cell["full"] if len(views) > 1 else cell["name"], cell["id"], cell["table"])
        for view in views
        for cell in view["cells"]
    ]
    several = several_data(table for _, _, table in cells)
    environment = Environment(
        loader=PackageLoader("cmploss.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "mean": mean_text,
        "difference": difference_text,
        "p": p_text,
        "cost": cost_text,
        "signed": signed,
    }
    environment.filters["unbroken"] = _unbroken
    style, script = (_source(environment, name) for name in ("style.css", "script.js"))
    page = environment.get_template("studies.html").render(
        title=" · ".join(study.title for study in studies),
        heading=studies[0].title if len(studies) == 1 else f"{len(studies)} studies side by side",
        studies=views,
        several=several_view(several, slots) if several else None,
        overview=heat_view(cells, list(slots), ranked=several is None) if len(cells) > 1 else None,
        slots=slots,
        colours=COLOURS,
        style=style,
        script=script,
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        footnote=footnote,
        mark=mark,
        pairs_text=pairs_text,
        swatch=_swatch,
    )
    return page.translate(_FORCED_DIRECTIONS)


def _unbroken(sentence: str) -> str:
    """The sentence, no line of which ends within an interval or a p-value."""
    return re.sub(r"p [=<] \S|\[\S+, \S+\]", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), sentence)


def _source(environment: Environment, name: str) -> Markup:
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def _swatch(slot: int) -> Markup:
    """The marker of a name, for running text."""
    kind, box = f"swatch s{slot % len(COLOURS)}", f"0 0 {_MARKER} {_MARKER}"
    shape = svg.marker(slot, _MARKER / 2, _MARKER / 2, 4)
    return svg.element("svg", shape, class_=kind, viewBox=box, aria_hidden="true")
