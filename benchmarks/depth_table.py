"""Tables of one model for several depths: at each depth, every objective against three baselines.

The folders hold studies with ``--score_layers``, and studies with ``--vary num_layers`` of the models that are trained
by themselves. The objectives that train exits are compared with three baselines at each depth. The tests of a baseline
at a depth are one family:

- ``cut``: ``no_dropout``, trained with all layers and cut to that depth.
- ``alone``: ``no_dropout``, trained at that depth.
- ``mean``: ``equal_compute``, the mean of the same exits.

    python benchmarks/depth_table.py results/layers-trec results/layers-trec-alone --depths 6,4,2

With ``--times FILE``, which has the milliseconds for one text at each depth, ``--figure FILE`` draws scores over time.
"""

import argparse
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cmploss.experiment import LAYERS, RunRecord, Score, read_records
from cmploss.options import whole_numbers
from cmploss.reports import ComparisonTable, comparison_table, in_words, markdown_table
from cmploss.reports.curves import series_curves
from cmploss.reports.figures import write_curves
from cmploss.reports.formatting import difference_text, markdown_grid, mean_text
from cmploss.reports.table import objectives_of

ALONE, MEAN = "no_dropout", "equal_compute"


def at_depth(records: Iterable[RunRecord], depth: int) -> Iterator[RunRecord]:
    """The runs that have a score with so many layers, which becomes their only score."""
    for run in records:
        split, measure = run.benchmark.eval_split, run.benchmark.measure
        trained = run.settings.get("num_layers")
        value = run.primary if trained == depth else run.score(split, measure, {LAYERS: depth})
        if math.isfinite(value):
            yield replace(run, scores=[Score(split, measure, value)], predictions={})


def exit_tables(records: Sequence[RunRecord], depth: int) -> dict[str, ComparisonTable]:
    """Baseline → its comparison with the objectives that train exits, at a depth."""
    runs = list(at_depth(records, depth))
    exits = [name for name in objectives_of(runs) if not name.startswith(ALONE)]
    mean = next((name for name in exits if name.partition("(")[0] == MEAN), "")
    baselines = {"cut": ALONE, "alone": f"{ALONE} · num_layers={depth}", "mean": mean}
    found = {}
    for key, name in baselines.items():
        some = [run for run in runs if run.name in (name, *exits)]
        if any(run.name == name for run in some):
            found[key] = comparison_table(some, baseline=name, order=objectives_of(some))
    return found


def depth_report(records: Sequence[RunRecord], depths: Sequence[int]) -> str:
    """A table and its verdict for every depth; the baseline is ``no_dropout``, trained at that depth."""
    lines = []
    for depth in depths:
        runs = list(at_depth(records, depth))
        names, alone = objectives_of(runs), f"{ALONE} · num_layers={depth}"
        table = comparison_table(runs, baseline=alone if alone in names else ALONE, order=names)
        lines += [f"**{depth} layers.** {in_words(table)}", "", markdown_table(table), ""]
    return "\n".join(lines)


def overview(records: Sequence[RunRecord], depths: Sequence[int]) -> str:
    """One table in Markdown: depths × models, with the differences of exits from all baselines; then its power."""
    lines, power = [["layers", "model", "score", "− cut", "− trained at this depth", "− mean of the exits"]], []
    for depth in depths:
        tables = exit_tables(records, depth)
        rows = {row.objective: row for key in ("cut", "alone") if key in tables for row in tables[key].rows}
        for name in sorted(rows, key=lambda name: not name.startswith(ALONE)):
            cells = [str(depth), name.partition("(")[0], mean_text(rows[name].mean, rows[name].sd, rows[name].n)]
            for key in ("cut", "alone", "mean"):
                of = {row.objective: row.difference for row in tables[key].rows} if key in tables else {}
                cells.append(difference_text(of.get(name)))
            lines.append(cells)
        detectable = tables["alone" if "alone" in tables else "cut"].family.detectable
        power.append(f"{detectable:.1f} at {depth} layers")
    return f"{markdown_grid(lines)}\nDifferences that would show with 80 % power, in points: {', '.join(power)}.\n"


def write_figure(path: Path, records: Sequence[RunRecord], milliseconds: Mapping[str, float]) -> None:
    """Draw the primary measure over the time for one text; ``milliseconds`` has the time at each depth."""
    series: dict[str, dict[float, list[float]]] = {}
    deepest = max(map(int, milliseconds))
    for depth, time in milliseconds.items():
        for run in at_depth(records, int(depth)):
            alone = run.name.startswith(ALONE) and (run.settings.get("num_layers") or int(depth) == deepest)
            names = [f"{ALONE}, trained at each depth"] if alone else []
            if not run.settings.get("num_layers"):
                names.append(run.name.partition("(")[0] + ", cut" * (run.name == ALONE))
            for name in names:
                series.setdefault(name, {}).setdefault(time, []).append(run.primary)
    measure = records[0].benchmark.measure
    write_curves(path, series_curves(series), xlabel="milliseconds per text", ylabel=f"{measure} (%)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--depths", default="6,4,2")
    parser.add_argument("--times", type=Path)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    records = [record for folder in given.folders for record in read_records(folder)]
    depths = whole_numbers("depths", given.depths, least=1)[::-1]
    print(overview(records, depths))
    print(depth_report(records, depths))
    if given.times and given.figure:
        write_figure(given.figure, records, json.loads(given.times.read_text())["milliseconds"])


if __name__ == "__main__":
    main()
