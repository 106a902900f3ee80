"""A paragraph on methods for a paper, from the records of a comparison."""

from cmploss.experiment import RunRecord
from cmploss.reports.formatting import join_words
from cmploss.reports.table import ComparisonTable

_LIBRARIES = ("cmploss", "torch", "transformers")


def methods_paragraph(table: ComparisonTable) -> str:
    """The objectives, data, test, power and versions of a comparison."""
    return " ".join(filter(None, [_what(table), _test(table), _power(table), _versions(table)]))


def _what(table: ComparisonTable) -> str:
    runs, benchmark = _runs(table), table.benchmark
    names = join_words([row.objective for row in table.rows if row.n], "and")
    examples = _count(runs, benchmark.eval_split)
    trained = _count(runs, "train")
    blocks = {seed for row in table.rows for seed in row.runs}
    return (
        f"We compared {names} on {benchmark.task} by {benchmark.measure} on the {benchmark.eval_split} split"
        f"{f' ({examples} examples)' if examples else ''}{f', trained on {trained} examples' if trained else ''}, "
        f"with {len(blocks)} {table.block}{'s' * (len(blocks) != 1)}."
    )


def _test(table: ComparisonTable) -> str:
    family, base = table.family, table.baseline
    if family.method == "none":
        return "The differences were not tested." if len(table.rows) > 1 else ""
    unit, several = table.benchmark.unit, len(family.comparisons) > 1
    if not several:
        test = f"a two-sided t test paired by {unit}, with its 95 % confidence interval"
    elif family.method == "max-t":
        test = (
            f"Dunnett's two-sided test with {table.units} as blocks (a two-way layout without interaction), "
            "with simultaneous 95 % confidence intervals"
        )
    else:
        test = f"two-sided t tests paired by {unit} with Holm's correction and matching intervals"
    which = "Each other objective" if several else join_words(list(family.comparisons), "and")
    folds = (
        " Variances were corrected for overlapping training sets (Nadeau and Bengio 2003)." if unit == "fold" else ""
    )
    return (
        f"{which} was compared with {base} by {test}, at a level of 5 %{' for the family' if several else ''}.{folds} "
        f"A difference counts as equivalent to 0 if two one-sided tests at that level place it within "
        f"± {table.margin:g} points."
    )


def _power(table: ComparisonTable) -> str:
    family = table.family
    if family.detectable != family.detectable:
        return ""
    return (
        f"With {family.blocks} {table.units} and the residual standard deviation of {family.sd:.1f} points, a true "
        f"difference of {family.detectable:.1f} points is detected with 80 % power."
    )


def _versions(table: ComparisonTable) -> str:
    found = {
        name: join_words(sorted({str(run.environment[name]) for run in _runs(table) if name in run.environment}), "and")
        for name in _LIBRARIES
    }
    said = [f"{name} {version}" for name, version in found.items() if version]
    return f"Software: {', '.join(said)}." if said else ""


def _runs(table: ComparisonTable) -> list[RunRecord]:
    return [run for row in table.rows for run in row.runs.values()]


def _count(runs: list[RunRecord], split: str | None) -> str:
    """The number of examples of a split; "" unless it is the same in all runs."""
    found = {run.split(split).get("examples") for run in runs}
    return str(found.pop()) if len(found) == 1 and None not in found else ""
