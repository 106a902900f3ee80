"""The pictures of an evaluation of feedback, each with its words and its numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from cmploss.experiment import FeedbackRecord, FeedbackRow
from cmploss.reports.feedback.table import change_text, passages_text
from cmploss.reports.figures import Curve
from cmploss.reports.html.charts import Picture, Slots, curve_picture
from cmploss.reports.html.svg import Dots, dots_svg
from cmploss.reports.series import curve_of

_PASSAGES = "feedback passages"


def fed_methods(record: FeedbackRecord) -> dict[str, list[FeedbackRow]]:
    """Method → its rows, by the number of passages, for the methods that feed something back."""
    names = dict.fromkeys(row.method for row in record.rows if row.passages)
    return {
        name: sorted((row for row in record.rows if row.method == name), key=lambda row: row.passages or 0)
        for name in names
    }


def measure_pictures(record: FeedbackRecord, slots: Slots) -> list[Picture]:
    """Every measure over the number of passages; what feeds nothing back is level."""
    text = "What reads no passages is drawn level. Mean ± one standard deviation over seeds, where there are any."
    return [
        _over_passages(f"{measure} by feedback", _curves(record, measure), slots, measure, text)
        for measure in record.measures
    ]


def share_pictures(record: FeedbackRecord, slots: Slots) -> list[Picture]:
    """Shares of queries hurt, against no feedback and by each step of more."""
    shares: dict[str, tuple[Callable[[FeedbackRow], Sequence[float] | None], str]] = {
        "Queries below no feedback": (
            lambda row: row.change[record.primary].hurt if row.change else None,
            f"Share of queries with a lower {record.primary} than without feedback.",
        ),
        "Queries hurt by one step": (
            lambda row: row.hurt_by_more,
            f"Share of queries whose {record.primary} falls from the next smaller number of passages to this one.",
        ),
    }
    found = []
    for title, (share_of, text) in shares.items():
        curves = {name: curve for name, rows in fed_methods(record).items() if (curve := _shares(rows, share_of)).x}
        if curves:
            found.append(_over_passages(title, curves, slots, "queries (%)", text))
    return found


def change_picture(record: FeedbackRecord, slots: Slots) -> Picture | None:
    """What every method changes by its most passages, each seed visible; None where nothing is fed back."""
    series = fed_methods(record)
    if not series:
        return None
    base = record.rows[0].scores[record.primary][0]
    xlabel = f"Δ {record.primary} from no feedback"
    dots, words = [], []
    rows: list[Sequence[object]] = [["method", _PASSAGES, "seed", xlabel]]
    for name, of in series.items():
        row = of[-1]
        assert row.change is not None
        found = row.change[record.primary]
        low, high = (np.nan if end is None else end for end in (found.low, found.high))
        gaps = [score - base for score in row.scores[record.primary]]
        dots.append(Dots(name, slots[name], dict(zip(row.seeds, gaps, strict=False)), found.difference, low, high))
        seeds: Sequence[object] = row.seeds or [""]
        rows += [[name, row.passages, seed, gap] for seed, gap in zip(seeds, gaps, strict=True)]
        words.append(f"{name} {change_text(found)}")
    most = max(of[-1].passages or 0 for of in series.values())
    return Picture(
        f"Change by {passages_text(most)}",
        dots_svg(dots, alt=f"{xlabel}: {'; '.join(words)}", xlabel=xlabel, zero=True, decimals=4),
        "The stroke is the mean over queries, the line its 95 % interval (uncorrected), a dot one seed. The dashed "
        "line is no feedback.",
        {},
        rows,
    )


def gain_pictures(record: FeedbackRecord, slots: Slots) -> list[Picture]:
    """What every method gains and loses on single queries, by its fewest passages and by its most."""
    series = {name: [row for row in rows if row.passages] for name, rows in fed_methods(record).items()}
    sizes = sorted({row.passages for rows in series.values() for row in rows if row.passages})
    text = (
        f"Queries in the order of what a method gains over no feedback on them in {record.primary}, averaged over "
        "seeds: on the left those that it hurts, on the right those that it helps."
    )
    label = f"Δ {record.primary} from no feedback"
    base = np.array(record.rows[0].by_query[record.primary])
    places = np.linspace(0, 100, 101)
    found = []
    for size in dict.fromkeys((*sizes[:1], *sizes[-1:])):
        gaps = {
            name: np.array(row.by_query[record.primary]) - base
            for name, rows in series.items()
            for row in rows
            if row.passages == size
        }
        curves = {name: Curve(places.tolist(), np.percentile(each, places).tolist()) for name, each in gaps.items()}
        title = f"Gains and losses by {passages_text(size)}"
        found.append(_named(curve_picture(title, curves, slots, "queries, worst to best (%)", label, text)))
    return found


def _over_passages(title: str, curves: Mapping[str, Curve], slots: Slots, ylabel: str, text: str) -> Picture:
    ticks = {place: f"{place:.0f}" for place in sorted({x for curve in curves.values() for x in curve.x})}
    return _named(curve_picture(title, curves, slots, _PASSAGES, ylabel, text, ticks))


def _named(picture: Picture) -> Picture:
    header, *rows = picture.rows
    return replace(picture, rows=[["method", *header[1:]], *rows])


def _curves(record: FeedbackRecord, measure: str) -> dict[str, Curve]:
    first = record.rows[0]
    series = fed_methods(record)
    most = max((of[-1].passages or 0 for of in series.values()), default=1)
    curves = {}
    for name in dict.fromkeys(row.method for row in record.rows):
        rows = series.get(name, [])
        if not rows:  # no feedback, and other tools
            (row,) = (row for row in record.rows if row.method == name)
            points = {0.0: row.scores[measure], float(most): row.scores[measure]}
        else:
            start = [] if rows[0].seeds else [first]  # a formula without passages is no feedback
            points = {float(row.passages or 0): row.scores[measure] for row in [*start, *rows]}
        curves[name] = curve_of(points)
    return curves


def _shares(rows: Sequence[FeedbackRow], share_of: Callable[[FeedbackRow], Sequence[float] | None]) -> Curve:
    known = {float(row.passages or 0): shares for row in rows if (shares := share_of(row)) is not None}
    return curve_of({passages: [100 * share for share in shares] for passages, shares in known.items()})
