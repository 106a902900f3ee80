"""Records with everything that the page can show, of runs that never ran."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from cmploss.experiment import RunRecord, write_record
from tests.reports.runs import record_of

LABELS = ("billing", "login")
TRUTH = [0, 1, 0, 1]


def predictions_of(guesses: Sequence[int], truth: Sequence[int] = TRUTH) -> dict[str, Any]:
    """Predictions of the test part, with probability .75 for what was guessed."""
    return {
        "test": {
            "labels": list(truth),
            "predictions": list(guesses),
            "probabilities": [[0.75, 0.25] if guess == 0 else [0.25, 0.75] for guess in guesses],
        }
    }


def run_of(objective: str, seed: int, guesses: Sequence[int], **changes: Any) -> RunRecord:
    """A run that guessed so on the four examples; its score follows."""
    truth = changes.pop("truth", TRUTH)
    score = 100 * sum(guess == label for guess, label in zip(guesses, truth, strict=True)) / len(truth)
    history = [{"step": float(step), "loss": 2.0 / step + seed, "violation_rate": 0.5 / step} for step in (10, 20, 30)]
    given: dict[str, Any] = {"predictions": predictions_of(guesses, truth), "history": history, **changes}
    return record_of(objective, seed, score, **given)


def two_objectives(seeds: int = 2) -> list[RunRecord]:
    """supervised is right on the examples 1 and 2, comparative on 1, 3 and 4."""
    return [
        run_of(objective, seed, guesses)
        for seed in range(seeds)
        for objective, guesses in (("supervised", [0, 1, 1, 0]), ("comparative", [0, 0, 0, 1]))
    ]


def settings_with(**training: Any) -> Mapping[str, Any]:
    return {"model": "tiny", "training": training}


def write_study(records: Sequence[RunRecord], folder: Any) -> Any:
    """Write records as a study does; returns the folder."""
    for number, record in enumerate(records):
        write_record(record, folder / f"{number}" / f"seed-{record.seed}" / "record.json")
    return folder


def rows_in(picture: Any) -> list[list[str]]:
    """The rows of the CSV file of a picture."""
    kind, _, text = picture.csv.partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    return list(csv.reader(io.StringIO(unquote(text))))
