"""Draw the figures of the docs that are made from committed records: python benchmarks/doc_figures.py."""

from pathlib import Path

from cmploss.experiment import read_records
from cmploss.reports.curves import CONTEXT_SIZE, LIKELIHOOD, inference_series, series_curves
from cmploss.reports.figures import write_curves

ROOT = Path(__file__).parents[1]
READERS = ("supervised", "equal_compute(n_drop=1,n_crop=1)", "comparative(n_drop=1,n_crop=1)")
GENERATORS = (
    "supervised",
    "equal_compute(n_drop=0,n_crop=1)",
    "comparative(n_drop=0,n_crop=1)",
    "raft",
    "weighted(n_drop=0,n_crop=1,primary=max)",
)


def draw_distractors(path: Path) -> None:
    """F1 of readers over the number of paragraphs that they are given, on SQuAD."""
    records = read_records(ROOT / "results" / "squad-paragraphs")
    curves = series_curves(inference_series(CONTEXT_SIZE, records, READERS))
    write_curves(path, curves, xlabel="paragraphs", ylabel="F1 (%)")


def draw_likelihood(path: Path) -> None:
    """The likelihood of answers of a generative reader over the number of distractors, on HotpotQA."""
    records = read_records(ROOT / "results" / "rag-hotpotqa")
    curves = series_curves(inference_series(LIKELIHOOD, records, GENERATORS))
    write_curves(path, curves, xlabel=LIKELIHOOD.axis, ylabel="likelihood of the answer (%)")


if __name__ == "__main__":
    draw_distractors(ROOT / "docs" / "assets" / "distractors.svg")
    draw_likelihood(ROOT / "docs" / "assets" / "likelihood.svg")
