"""Records of runs that never ran: scores as given, everything else as plain as can be."""

from collections.abc import Mapping, Sequence
from typing import Any

from cmploss.experiment import RunRecord


def record_of(objective: str, seed: int, score: float, **changes: Any) -> RunRecord:
    given: dict[str, Any] = {
        "task": "tickets",
        "objective": objective,
        "seed": seed,
        "settings": {"learning_rate": 5e-5, "seed": seed, "objective": {"name": objective}},
        "data": {
            "parts": {
                "train": {"examples": 400, "sha256": "a" * 64},
                "test": {"examples": 500, "sha256": "b" * 64},
            },
            "label_names": ["billing", "login"],
            "notes": [],
            "selected_on": "validation",
            "reported_on": "test",
        },
        "scores": {"test": {"accuracy": score}},
        "measure": "accuracy",
        "predictions": {},
        "curves": [],
        "cost": {"seconds": 40.0 + seed, "passes_per_step": 2.0},
        "environment": {"python": "3.11.7", "device": "CPU"},
    }
    return RunRecord(**(given | changes))


def records_of(scores: Mapping[str, Sequence[float]], **changes: Any) -> list[RunRecord]:
    """One record per score; the position in the list is the seed."""
    return [
        record_of(objective, seed, score, **changes)
        for objective, row in scores.items()
        for seed, score in enumerate(row)
    ]
