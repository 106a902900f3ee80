"""A template as a page that needs nothing else: no network, no other file, no script but its own."""

import hashlib
import re
from base64 import b64encode
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cmploss.reports.figures import COLOURS
from cmploss.reports.formatting import cost_text, difference_text, mark, mean_text, p_text
from cmploss.reports.html.charts import Slots
from cmploss.reports.html.svg import marker
from cmploss.reports.table_text import footnote, pairs_text

_MARKER = 10  # width of a marker in running text
# A direction that a name forces and does not end would turn the rest of a sentence round; a box is shown in its place.
_FORCED_DIRECTIONS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e"), "\ufffd")


def render(template: str, slots: Slots, **values: Any) -> str:
    """The page as text.

    Everything that comes from a record is escaped, and the page forbids itself every request and every other script.
    """
    environment = Environment(
        loader=PackageLoader("cmploss.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"mean": mean_text, "difference": difference_text, "p": p_text, "cost": cost_text}
    environment.filters["unbroken"] = _unbroken
    script = _source(environment, "script.js")
    page = environment.get_template(template).render(
        slots=slots,
        colours=COLOURS,
        script=Markup(script),
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=Markup(_source(environment, "style.css")),
        footnote=footnote,
        mark=mark,
        pairs_text=pairs_text,
        swatch=_swatch,
        **values,
    )
    return page.translate(_FORCED_DIRECTIONS)


def _unbroken(sentence: str) -> str:
    """The sentence, no line of which ends within an interval or a p-value."""
    return re.sub(r"p [=<] \S|\[\S+, \S+\]", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), sentence)


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _swatch(slot: int) -> Markup:
    """The marker of a name, for running text."""
    return Markup('<svg class="swatch s{}" viewBox="0 0 {w} {w}" aria-hidden="true">{}</svg>').format(
        slot % len(COLOURS), marker(slot, _MARKER / 2, _MARKER / 2, 4), w=_MARKER
    )
