"""Score a checkpoint on held-out data: every measure, each class, its own submodels, other context sizes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cmploss.cli.console import (
    check_given,
    check_unused,
    err,
    new_path,
    new_table,
    out,
    progress,
    told_when_interrupted,
)
from cmploss.options import parse_arguments
from cmploss.studies.evaluation_config import EvaluationConfig
from cmploss.tasks.data_config import DataConfig

if TYPE_CHECKING:
    from cmploss.studies.evaluation import Evaluation


USAGE = (
    "--model FOLDER --task NAME | --test_file FILE [--dropout_power 0,1,2,3] [--layers 6,4,2] [--context_size 2,4,6]"
)
SECTIONS = (DataConfig, EvaluationConfig)


def run(argv: Sequence[str]) -> None:
    options = parse_arguments(argv, SECTIONS)
    config = options[EvaluationConfig]
    folder = new_path("output_dir", config.output_dir) if config.output_dir else None
    check_given(config, ("model",), f"evaluate {USAGE}")
    if not config.dropout_power:
        check_unused(options.given, ("seed",), "an evaluation without --dropout_power")
    submodels = sum(power > 0 for power in config.powers) + len(config.depths)  # refuses faulty numbers
    passes = 1 + submodels + len(config.sizes) + len(config.counts)
    from cmploss.inference import watched
    from cmploss.studies.evaluation import evaluate, write_evaluation

    with told_when_interrupted("nothing is written"), progress("scoring", passes) as advance, watched(advance):
        found = evaluate(options[DataConfig], config)
    _print(found, config.model)
    if folder is not None:
        write_evaluation(found, folder)
        out.print(f"Numbers and figures in {folder}")


def _print(found: "Evaluation", model: str) -> None:
    out.print(f"{model} on {found.data}: {found.examples} examples, loss {found.loss:.4f}")
    for note in found.notes:
        err.print(f"note: {note}")
    width = 1 + max(10, *map(len, found.scores))
    for measure, value in found.scores.items():
        out.print(f"{measure:<{width}}{value:.1f}")
    if found.classes:
        table = new_table("class", "precision", "recall", "f1", "support")
        for name, values in found.classes.items():
            ratios = (f"{values[measure]:.1f}" for measure in ("precision", "recall", "f1"))
            table.add_row(name, *ratios, f"{values['support']:.0f}")
        out.print(table)
    if found.powers:
        table = new_table("dropout power", *found.scores, "loss", "violations %")
        for point in found.powers:
            scores = (f"{value:.1f}" for value in point.scores.values())
            table.add_row(str(point.value), *scores, f"{point.loss:.4f}", f"{point.violation_rate:.1f}")
        out.print(table)
        out.print("violations: examples on which a submodel up to that power has a smaller loss than the full model")
    if found.depths:
        table = new_table("layers", *found.scores, "loss", "ms per example", "parameters")
        for point in found.depths:
            scores = (f"{value:.1f}" for value in point.scores.values())
            parameters = f"{found.parameters[point.value] / 1e6:.1f} M"
            table.add_row(str(point.value), *scores, f"{point.loss:.4f}", f"{point.milliseconds:.2f}", parameters)
        out.print(table)
    for setting, points in (("paragraphs", found.contexts), ("distractors", found.distractors)):
        if points:
            table = new_table(setting, *next(iter(points.values())))
            for place, scores_there in points.items():
                table.add_row(str(place), *(f"{value:.1f}" for value in scores_there.values()))
            out.print(table)
