"""The measures of a study: names of this package, import paths, and functions of a user."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmploss.errors import UserError
from cmploss.experiment.own_identity import own_settings, source_of
from cmploss.experiment.own_objective import import_object
from cmploss.experiment.run_dir import one_line
from cmploss.measures.label_scores import MEASURES, Measure

LOSS = "loss"
"""The Trainer has a value of this name: the mean loss, which is the smaller the better."""


@dataclass(frozen=True)
class OwnMeasure:
    """A user's function ``(labels, predictions)`` as a measure."""

    function: Callable[[Any, Any], float]  # Returns percent, the larger the better
    source: Mapping[str, Any]  # Its import path (None if it cannot be imported), file, hash of the file, and settings

    def __call__(self, predictions: NDArray[Any], labels: NDArray[Any]) -> float:
        return float(self.function(labels, predictions))


def read_measures(chosen: str | Sequence[Any] | Mapping[str, Any]) -> dict[str, Measure]:
    """The requested measures, by name; the first decides which run is best.

    Examples:
        >>> list(read_measures({"accuracy": "accuracy", "right": lambda labels, predictions: 100.0}))
        ['accuracy', 'right']
    """
    if isinstance(chosen, str):
        chosen = chosen.replace(" ", "").split(",")
    named = chosen.items() if isinstance(chosen, Mapping) else [(None, each) for each in chosen]
    found: dict[str, Measure] = {}
    for name, measure in (_read(name, each) for name, each in named):
        if name in found or name == LOSS:
            fault = "is the name of the mean loss" if name == LOSS else "is given twice"
            raise UserError(f"measure {name}: {fault}; give another name, as in name=module:function or a dict")
        if name in (*MEASURES, "exact_match") and measure is not MEASURES.get(name):
            raise UserError(f"measure {name}: is a measure of this package; give yours another name")
        found[name] = measure
    return found


def check_measures(measures: Mapping[str, Measure], labels: NDArray[Any], what: str) -> None:
    """Refuse a measure that cannot score these labels, neither as predictions of themselves nor in another order.

    A measure of errors may be undefined without an error.

    Raises:
        UserError: A measure raises an exception, or returns no number; ``what`` names the data.
    """
    for name, measure in measures.items():
        faults = []
        others = np.roll(labels, 1)
        between = others + 0.37 if np.issubdtype(labels.dtype, np.floating) else others  # numbers are seldom whole
        for predictions in (labels, others) if between is others else (between,):
            try:
                float(measure(predictions, labels))
            except Exception as error:  # a user's function may raise anything
                faults.append(one_line(error))
        if len(faults) == (2 if between is others else 1):
            raise UserError(
                f"--measures {name}: cannot score the labels of {what} ({faults[-1]}); accuracy, f1 (two classes), "
                "f1_macro and matthews are for classes, pearson and spearman for numbers; a function returns percent"
            )


def settings_of_measures(measures: Mapping[str, Measure]) -> dict[str, Any]:
    """Name → source, in JSON types; {} for measures of this package."""
    return {name: dict(each.source) if isinstance(each, OwnMeasure) else {} for name, each in measures.items()}


def _read(name: str | None, chosen: Any) -> tuple[str, Measure]:
    if isinstance(chosen, str):
        label, _, path = chosen.rpartition("=")
        if path in MEASURES:
            return name or label or path, MEASURES[path]
        if ":" not in path:
            raise UserError(f"measure {path!r} is unknown; choose from {', '.join(MEASURES)}, or give module:function")
        function = import_object(path, "measure")
        return name or label or path.rpartition(":")[2], OwnMeasure(function, source_of(function, path))
    if not callable(chosen):
        raise UserError(f"measure {name or chosen!r}: a {type(chosen).__name__} is not callable")
    name = str(name or getattr(chosen, "__name__", type(chosen).__name__))
    settings = own_settings(chosen, f"measure {name!r}")
    return name, OwnMeasure(chosen, source_of(chosen) | ({"settings": settings} if settings else {}))
