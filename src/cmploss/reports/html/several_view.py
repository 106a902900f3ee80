"""Several data sets as the page shows them: verdict, table, differences and mean ranks."""

import math
from typing import Any

from markupsafe import Markup

from cmploss.reports.html import svg
from cmploss.reports.html.charts import ROW, Picture, Slots
from cmploss.reports.html.pictures import forest_picture
from cmploss.reports.html.svg import TOP, WIDTH, Scale
from cmploss.reports.several_data import SeveralData
from cmploss.reports.verdict import Verdict

_LANE = 12  # between the lines of two groups


def several_view(found: SeveralData, slots: Slots) -> dict[str, Any]:
    """The section about several data sets, for the template."""
    table, verdict = found.table, Verdict(found.table)
    name = f"{found.title[0].lower()}{found.title[1:]}"
    return {
        "id": "several",
        "full": f"all objectives {name}",
        "question": f"Is another objective better than {table.baseline} {name}?",
        "headline": verdict.headline,
        "chip": (verdict.finding.replace(" ", "-"), verdict.chip),
        "highest": verdict.highest,
        "plain": found.sentence,
        "sentences": found.sentences[1:],
        "methods": found.methods,
        "about": (
            f"{table.benchmark.measure} in percent, mean over data sets (their number). Δ: mean difference over "
            "data sets, each of which counts equally."
        ),
        "table": table,
        "crossed": [],
        "forest": forest_picture(table, slots),
        "ranks": rank_picture(found, slots),
    }


def rank_picture(found: SeveralData, slots: Slots) -> Picture:
    """The mean rank of every objective, with the critical difference and lines that join what does not differ."""
    ranks, text = found.ranks, "1 is the highest score on every data set."
    if ranks.p is not None:
        text += (
            f" Two objectives differ by ranks if Friedman's p is below .05 and they are at least the critical "
            f"difference ({ranks.critical_difference:.2f}) apart. Lines on the right join rows that do not differ."
        )
    words = ", ".join(f"{name} {mean:.2f}" for name, mean in ranks.means.items())
    groups = "; ".join(" and ".join(group) for group in ranks.groups)
    alt = f"Mean ranks over {ranks.blocks} data sets: {words}" + (f". Not different: {groups}" if groups else "")
    rows = [("objective", "mean rank"), *ranks.means.items()]
    return Picture("Mean ranks", _rank_chart(found, slots, alt), text, {}, rows)


def _rank_chart(found: SeveralData, slots: Slots, alt: str) -> Markup:
    ranks, names = found.ranks, list(found.ranks.means)
    tested = not math.isnan(ranks.critical_difference)
    top = TOP + 34 * tested
    bottom, right = top + ROW * len(names), WIDTH - 24 - _LANE * len(ranks.groups)
    scale = Scale(1, len(names), 16, right)
    parts = svg.x_axis(scale, {float(n): str(n) for n in range(1, len(names) + 1)}, bottom, "mean rank")
    if tested:
        end = scale(1 + ranks.critical_difference)
        parts += [svg.line("centre", 16, end, TOP + 20, TOP + 20), svg.words(16, TOP + 10, "critical difference")]
        parts += [svg.line("centre", x, x, TOP + 15, TOP + 25) for x in (16, end)]
    for place, name in enumerate(names):
        mean, y = ranks.means[name], top + ROW * place + 29
        label = svg.words(16, y - 17, f"{name} {mean:.2f}", "name")
        dot = svg.marker(slots[name], scale(mean), y, 5, f"{name}: {mean:.2f}")
        parts.append(svg.group(slots[name], [svg.line("grid", 16, right, y, y), label, dot]))
    for lane, group in enumerate(ranks.groups):
        x = right + 14 + _LANE * lane
        first, last = (top + ROW * names.index(name) + 29 for name in (group[0], group[-1]))
        parts.append(svg.line("centre", x, x, first - 8, last + 8))
    return svg.picture(bottom + svg.BOTTOM, alt, parts)
