"""Tables of one model for several depths: at each depth, every objective against a model of that depth.

The folders hold studies with ``--score_layers``, and studies with ``--vary num_layers`` of the models that are trained
by themselves. The tests of a depth are one family.

    python benchmarks/depth_table.py results/layers-trec results/layers-trec-alone --depths 6,4,2
"""

import argparse
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cmploss.experiment import LAYERS, RunRecord, Score, read_records
from cmploss.options import whole_numbers
from cmploss.reports import comparison_table, in_words, markdown_table

ALONE = "no_dropout"


def at_depth(records: Iterable[RunRecord], depth: int) -> Iterator[RunRecord]:
    """The runs that have a score with so many layers, which becomes their only score."""
    for run in records:
        split, measure = run.benchmark.eval_split, run.benchmark.measure
        trained = run.settings.get("num_layers")
        value = run.primary if trained == depth else run.score(split, measure, {LAYERS: depth})
        if math.isfinite(value):
            yield replace(run, scores=[Score(split, measure, value)], predictions={})


def depth_report(records: Sequence[RunRecord], depths: Sequence[int]) -> str:
    """A table and its verdict for every depth; the baseline is ``no_dropout``, trained at that depth."""
    lines = []
    for depth in depths:
        runs = list(at_depth(records, depth))
        names = list(dict.fromkeys(run.name for run in runs))
        alone = f"{ALONE} · num_layers={depth}"
        table = comparison_table(runs, baseline=alone if alone in names else ALONE, order=names)
        lines += [f"**{depth} layers.** {in_words(table)}", "", markdown_table(table), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--depths", default="6,4,2")
    given = parser.parse_args()
    records = [record for folder in given.folders for record in read_records(folder)]
    print(depth_report(records, whole_numbers("depths", given.depths, least=1)[::-1]))


if __name__ == "__main__":
    main()
