"""The page about studies: one file without requests, and with one script of its own."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cmploss.reports.curves import COLOURS
from cmploss.reports.formatting import cost_text, difference_text, mark, mean_text, p_text, signed
from cmploss.reports.html import svg
from cmploss.reports.html.heat_view import heat_view
from cmploss.reports.html.several_view import several_view
from cmploss.reports.html.study_view import slots_of, study_view
from cmploss.reports.several_data import several_data
from cmploss.reports.study_runs import StudyRuns
from cmploss.reports.table import MARGIN
from cmploss.reports.table_text import footnote, pairs_text

_MARKER = 10  # width of a marker in running text
# A direction mark in a name would reverse the rest of the sentence; a box is shown instead.
_FORCED_DIRECTIONS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e"), "\ufffd")


def report_page(
    studies: Sequence[StudyRuns], *, baseline: str | None = None, order: Sequence[str] = (), margin: float = MARGIN
) -> str:
    """The page about one study, or about several side by side, as text.

    Args:
        studies: What :func:`cmploss.reports.study_runs.read_study` found in the folder of each.
        baseline: Objective to compare with, by default ``supervised``, else another baseline, else the first.
        order: Objectives in the order of the rows; by default the baselines come first.
        margin: Points within which two objectives count as the same.

    Raises:
        UserError: Some runs of a study cannot be compared.

    All text of records is escaped. The content security policy of the page forbids requests and other scripts.
    """
    slots = slots_of(studies)
    views = [
        study_view(study, f"study-{number}", slots, baseline=baseline, order=order, margin=margin, share=len(studies))
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
    """The sentence without line breaks inside intervals and p-values."""
    pieces = r"(\*+ )?p [=<] \S|\[\S+, \S+\]|\d %"
    return re.sub(pieces, lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), sentence)


def _source(environment: Environment, name: str) -> Markup:
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def _swatch(slot: int) -> Markup:
    """The marker of a name, for running text."""
    kind, box = f"swatch s{slot % len(COLOURS)}", f"0 0 {_MARKER} {_MARKER}"
    shape = svg.marker(slot, _MARKER / 2, _MARKER / 2, 4)
    return svg.element("svg", shape, class_=kind, viewBox=box, aria_hidden="true")
