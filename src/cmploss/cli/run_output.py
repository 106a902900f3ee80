"""What a finished run prints."""

from cmploss.cli.console import out
from cmploss.experiment import RunRecord


def print_run(record: RunRecord) -> None:
    """Print the scores of a run, the last point of its log, and its cost."""
    lines: dict[str, list[str]] = {}
    for score in record.scores:
        where = " ".join([score.split, *(f"{name} {value}" for name, value in score.at.items())])
        decimals = 4 if score.measure == "loss" else 1
        lines.setdefault(where, []).append(f"{score.measure} {score.value:.{decimals}f}")
    width = 1 + max(10, *map(len, lines)) if lines else 11
    for where, values in lines.items():
        out.print(f"{where:<{width}}{'  '.join(values)}")
    if record.history:
        last = {name: value for name, value in record.history[-1].items() if name not in ("grad_norm", "epoch")}
        out.print("last log   " + "  ".join(f"{name} {value:.4g}" for name, value in last.items()))
    cost = record.cost
    out.print(f"cost       {cost['seconds']:.0f} s, {cost['steps']:.0f} steps of {cost['passes_per_step']:.0f} passes")
