"""The report of a comparison as one page of Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cmploss.experiment import RunRecord
from cmploss.reports.extra_tables import (
    RESAMPLES,
    best_lines,
    example_lines,
    is_mean_of_examples,
    left_out,
    other_measures,
    seed_lines,
)
from cmploss.reports.formatting import ABSENT, cost_text, escape
from cmploss.reports.inference_curves import INFERENCE_CURVES, inference_series
from cmploss.reports.series import series_grid
from cmploss.reports.settings_diff import facts_markdown, facts_of, joined, values_of
from cmploss.reports.table import ComparisonTable, comparison_table, markdown_grid, markdown_table, median_cost
from cmploss.reports.verdict import in_words

EMBEDDINGS_FILE = "embeddings.svg"
"""The picture beside a report."""

_ANEW = (
    "it is computed anew for each run on resampled examples, and with the predictions of a random half exchanged "
    f"between the objectives, {RESAMPLES} times each; its mean over seeds is compared."
)


def markdown_report(
    records: Sequence[RunRecord],
    *,
    title: str | None = None,
    baseline: str | None = None,
    order: Iterable[str] = (),
    failures: Mapping[str, str] | None = None,
) -> str:
    """A page about some runs: words, table, settings, data, cost, environment and the score of every seed.

    Everything on it is read from the records.

    Args:
        records: runs that can be compared, see :func:`cmploss.reports.comparison_table`.
        title: heading of the page, the name of the task by default.
        baseline: objective to compare with.
        order: objectives in the order of the rows.
        failures: run -> its error, for the runs that failed.

    Raises:
        UserError: the records cannot be compared.
    """
    table = comparison_table(records, baseline=baseline, order=order)
    runs = sorted(records, key=lambda run: (run.seed, run.name))  # the page has its own order
    groups = {row.objective: [run for run in runs if run.name == row.objective] for row in table.rows}
    sections = [
        f"# {escape(title or table.benchmark.task)}",
        escape(in_words(table)),
        markdown_table(table),
        _about(table, runs),
        *failure_section(failures or {}),
        *_other_measures(runs, table),
        *_evidence(runs, table),
        *_sweeps(runs, table),
        *_embeddings(runs, table),
        "## Settings",
        *_settings({name: group for name, group in groups.items() if group}),
        "## Data",
        *_data([run.data for run in runs]),
        "## Cost",
        "Medians over the runs; seconds and megabytes.",
        _cost(groups),
        "## Environment",
        markdown_grid([["name", "value"], *_values([run.environment for run in runs]).items()]),
        "## Scores",
        _scores(table),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _about(table: ComparisonTable, runs: Sequence[RunRecord]) -> str:
    few_shot = runs[0].condition.train_size
    facts = [
        f"{escape(table.benchmark.measure)} in percent on {escape(str(table.benchmark.eval_split))}, mean ± sd (runs)",
        f"selected on {escape(table.benchmark.selection_split)}"
        if table.benchmark.selection_split
        else "nothing was selected",
        "all training examples" if few_shot is None else f"few-shot samples of {few_shot} training examples",
        "differences over the seeds that both objectives have",
    ]
    return f"{'; '.join(facts)}."


def _other_measures(runs: Sequence[RunRecord], table: ComparisonTable) -> list[str]:
    found = other_measures(runs, table)
    if not found:
        return []
    header = ["objective", *map(escape, found)]
    lines = [[escape(row.objective), *(of[place] for of in found.values())] for place, row in enumerate(table.rows)]
    return ["## Other measures", "In percent, mean ± sd (runs).", markdown_grid([header, *lines])]


def _evidence(runs: Sequence[RunRecord], table: ComparisonTable) -> list[str]:
    anew = (
        ""
        if is_mean_of_examples(runs, table)
        else f" {escape(table.benchmark.measure)} is no mean of examples: {_ANEW}"
    )
    omitted = escape(left_out(runs, table))
    sections = {
        "Over seeds": (
            seed_lines(table),
            "Every objective against the baseline, paired by seed: the t test, and the test by all choices of signs, "
            "which assumes no normal distribution and cannot go below 2 / 2ⁿ for n seeds. d_z is the mean difference "
            "in standard deviations of the differences.",
        ),
        "Over test examples": (
            example_lines(runs, table),
            "The same runs, paired by test example after averaging over seeds: bootstrap interval and permutation "
            f"test. This says what other test examples might show of these models, not what other seeds might.{anew}",
        ),
        "Best by validation": (
            best_lines(runs, table),
            "Few-shot results are often published for the best samples alone; those are no match for means over all.",
        ),
    }
    found = {title: [text, markdown_grid(lines)] for title, (lines, text) in sections.items() if len(lines) > 1}
    if omitted:
        found.setdefault("Over test examples", []).append(omitted)
    return [part for title in sections if title in found for part in (f"## {title}", *found[title])]


def _sweeps(runs: Sequence[RunRecord], table: ComparisonTable) -> list[str]:
    sections = []
    for sweep in INFERENCE_CURVES:
        found = inference_series(sweep, runs, [row.objective for row in table.rows])
        if found:
            text = f"{sweep.ylabel(table.benchmark.measure)} by {sweep.axis}, mean ± sd (runs). {sweep.text}"
            sections += [f"## {sweep.title}", escape(text), series_grid(found)]
    return sections


def failure_section(failures: Mapping[str, str]) -> list[str]:
    """What failed and is missing above, nothing where all went well."""
    lines = [f"- {escape(run)}: {escape(error)}" for run, error in failures.items()]
    return ["## Failed runs", "\n".join(lines)] if lines else []


def _embeddings(runs: Sequence[RunRecord], table: ComparisonTable) -> list[str]:
    found = [run for row in table.rows for run in runs if run.name == row.objective and "silhouette" in run.data]
    if not found:
        return []
    text = (
        f"Silhouette of the classes among the [CLS] vectors of {table.benchmark.eval_split}, by cosine distance: "
        "1 far apart, 0 overlapping. The picture is t-SNE, whose distances mean nothing."
    )
    lines = [[escape(run.name), str(run.seed), f"{run.data['silhouette']:.2f}"] for run in found]
    grid = markdown_grid([["objective", "seed", "silhouette"], *lines])
    return ["## Embeddings", escape(text), grid, f"![t-SNE of the vectors]({EMBEDDINGS_FILE})"]


def _settings(groups: Mapping[str, Sequence[RunRecord]]) -> list[str]:
    values = {objective: values_of([run.settings for run in runs]) for objective, runs in groups.items()}
    return facts_markdown(facts_of(values), "objective")


def _data(data: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [["part", "examples", "sha256"]]
    for name in dict.fromkeys(name for of in data for name in of.get("splits", {})):
        parts = [of["splits"][name] for of in data if name in of.get("splits", {})]
        examples = _joined(part.get("examples") for part in parts)
        lines.append([escape(name), examples, _joined(str(part.get("sha256"))[:12] for part in parts)])
    labels = _joined(label for of in data for label in of.get("label_names") or [])
    notes = dict.fromkeys(note for of in data for note in of.get("notes") or [])
    return [
        markdown_grid(lines),
        f"Labels: {labels}",
        "\n".join(f"- {escape(note)}" for note in notes),
    ]


def _cost(groups: Mapping[str, Sequence[RunRecord]]) -> str:
    names = sorted({name for runs in groups.values() for run in runs for name in run.cost})
    return markdown_grid(
        [
            ["objective", *map(escape, names)],
            *(
                [escape(objective), *(cost_text(median_cost(runs, name)) for name in names)]
                for objective, runs in groups.items()
            ),
        ]
    )


def _scores(table: ComparisonTable) -> str:
    return markdown_grid(
        [
            ["seed", *(escape(row.objective) for row in table.rows)],
            *(
                [
                    str(seed),
                    *(f"{row.scores[seed]:.1f}" if seed in row.scores else ABSENT for row in table.rows),
                ]
                for seed in table.seeds
            ),
        ]
    )


def _values(documents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {escape(name): escape(value) or ABSENT for name, value in values_of(documents).items()}


def _joined(values: Iterable[object]) -> str:
    return escape(joined(values)) or ABSENT
