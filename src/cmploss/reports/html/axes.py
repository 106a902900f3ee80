"""Pictures of scores over the size, the noise and the length of training, where a study varies them."""

import math
from collections.abc import Mapping, Sequence

from cmploss.reports.groups import Group, in_key
from cmploss.reports.html.pictures import Picture, Slots, curve_of, curve_picture
from cmploss.reports.tables import ComparisonTable

_AXES = {
    "size": "Training examples",
    "noise": "Noise in the training examples",
    "length": "Optimizer steps",
}


def axis_pictures(
    cells: Sequence[Group], tables: Mapping[str, ComparisonTable], order: Sequence[str], slots: Slots
) -> list[Picture]:
    """Scores over size, noise and length, for the cells that differ in nothing else.

    Args:
        cells: Of one study.
        tables: Name of a cell → its table.
        order: Of the objectives.
        slots: Of the objectives.
    """
    found = []
    for axis, xlabel in _AXES.items():
        groups: dict[tuple[object, ...], list[Group]] = {}
        for cell in cells:
            if axis in cell.key:
                groups.setdefault(tuple(value for name, value in cell.key.items() if name != axis), []).append(cell)
        for group in groups.values():
            if len(group) > 1:
                found.append(_over_axis(axis, xlabel, group, tables, order, slots))
    return found


def _over_axis(
    axis: str,
    xlabel: str,
    cells: Sequence[Group],
    tables: Mapping[str, ComparisonTable],
    order: Sequence[str],
    slots: Slots,
) -> Picture:
    places, ticks = _places(axis, cells)
    curves = {}
    for objective in order:
        points = [
            (place, row.mean, row.sd)
            for place, cell in zip(places, cells, strict=True)
            for row in tables[cell.name].rows
            if row.objective == objective and math.isfinite(row.mean)
        ]
        if points:
            curves[objective] = curve_of(points)
    table = tables[cells[0].name]
    others = in_key({name: value for name, value in cells[0].key.items() if name != axis})
    text = "Mean over seeds; the band is ± one standard deviation."
    title = f"{xlabel} · {others}" if others else xlabel
    picture = curve_picture(title, curves, slots, xlabel.lower(), f"{table.measure} (%)", text, ticks)
    header = [["objective", xlabel.lower(), "mean", "sd", "runs"]]
    rows = [
        [row.objective, ticks[place], row.mean, row.sd, row.n]
        for place, cell in zip(places, cells, strict=True)
        for row in tables[cell.name].rows
    ]
    return Picture(picture.title, picture.svg, picture.text, picture.legend, [*header, *rows])


def _places(axis: str, cells: Sequence[Group]) -> tuple[list[float], dict[float, str]]:
    """Where the cells stand on an axis: sizes and lengths by their logarithm, noises one after another."""
    if axis == "noise":
        texts = [str(cell.key[axis]) for cell in cells]
        places = [float(number) for number in range(len(cells))]
    else:
        sizes = [_size(cell, axis) for cell in cells]
        texts = [f"{size}" for size in sizes]
        places = [math.log(size) for size in sizes]
    return places, dict(zip(places, texts, strict=True))


def _size(cell: Group, axis: str) -> int:
    value = cell.key[axis]
    if value is None:  # all examples
        value = cell.records[0].data["parts"]["train"]["examples"]
    return int(str(value))
