"""Score a checkpoint on held-out data: every measure, each class, and its own ablated submodels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table

from cmploss.ablation.dropout import ablated_rates
from cmploss.cli.console import out, quiet_libraries
from cmploss.errors import UserError
from cmploss.measures import per_class_scores, score
from cmploss.models import load_classifier, load_tokenizer, longest_input
from cmploss.options import parse_arguments
from cmploss.studies import ablation_curve, predict
from cmploss.tasks import DataConfig, encode, held_out


@dataclass(frozen=True)
class EvaluateFlags:
    """What to score, and how.

    Attributes:
        model: Folder of a fine-tuned classifier.
        max_length: Longest input in tokens; as in training by default.
        batch_size: Examples per batch.
        dropout_power: Comma-separated dropout powers, as in 0,1,2,3: the measures, the loss and the violation rate of
            the submodels, with nested masks of one seed.
        dropout_p: Base rate at every dropout site; by default each site's own.
        seed: Seed of the masks.
    """

    model: str = ""
    max_length: int | None = None
    batch_size: int = 64
    dropout_power: str | None = None
    dropout_p: float | None = None
    seed: int = 0


USAGE = "--model FOLDER --task NAME | --test_file FILE [--dropout_power 0,1,2,3]"
SECTIONS = (DataConfig, EvaluateFlags)
TRAINING = False


def run(argv: Sequence[str]) -> None:
    """Parse, check, score and print."""
    quiet_libraries()
    options = parse_arguments(argv, SECTIONS)
    flags = options[EvaluateFlags]
    if not flags.model:
        raise UserError("--model is missing; give the folder of a fine-tuned classifier")
    powers = _powers(flags.dropout_power)
    model, tokenizer = load_classifier(flags.model), load_tokenizer(flags.model)
    try:
        for power in powers:
            ablated_rates(model, power, flags.dropout_p)
    except ValueError as error:
        raise UserError(f"model {flags.model}: {error}") from error
    labels = label_names(model)
    name, dataset, measures = held_out(options[DataConfig], labels)
    encoded = encode(dataset, tokenizer, flags.max_length or longest_input(tokenizer))
    found = predict(model, tokenizer, encoded, batch_size=flags.batch_size)
    truth = np.asarray(encoded["labels"])
    out.print(f"{flags.model} on {name}: {len(encoded)} examples, loss {found.losses.mean():.4f}")
    for measure, value in score(measures, found.values, truth).items():
        out.print(f"{measure:<11}{value:.1f}")
    if labels:
        out.print(_class_table(per_class_scores(found.values, truth, labels)))
    if powers:
        masks = {"seed": flags.seed, "p": flags.dropout_p}
        curve = ablation_curve(
            model, tokenizer, encoded, measures=measures, powers=powers, batch_size=flags.batch_size, **masks
        )
        table = _table("dropout power", *measures, "loss", "violations %")
        for point in curve:
            scores = (f"{value:.1f}" for value in point.scores.values())
            table.add_row(str(point.power), *scores, f"{point.loss:.4f}", f"{point.violation_rate:.1f}")
        out.print(table)
        out.print("violations: examples on which a submodel up to that power has a smaller loss than the full model")


def label_names(model: Any) -> tuple[str, ...]:
    """The model's label names by id; () for a regression model."""
    config = model.config
    return () if config.num_labels == 1 else tuple(config.id2label[index] for index in range(config.num_labels))


def _powers(text: str | None) -> list[int]:
    if text is None:
        return []
    if not all(word.strip().isdecimal() for word in text.split(",")):
        raise UserError(f"--dropout_power {text!r}: give whole numbers from 0 joined by commas, as in 0,1,2,3")
    return sorted({int(word) for word in text.split(",")})


def _class_table(scores: dict[str, dict[str, float]]) -> Table:
    table = _table("class", "precision", "recall", "f1", "support")
    for name, values in scores.items():
        ratios = (f"{values[measure]:.1f}" for measure in ("precision", "recall", "f1"))
        table.add_row(name, *ratios, f"{values['support']:.0f}")
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
