"""The card of the best model: scores, the basis of its choice, and Python code that loads it."""

from collections.abc import Mapping
from typing import Any

from cmploss.experiment.best_run import best_lines
from cmploss.experiment.run_dir import BEST_FOLDER

_CROSS_ENCODER = "sentence_transformers.CrossEncoder"


def best_view(best: Mapping[str, Any] | None, study: str) -> dict[str, Any] | None:
    """The best run of a study as the page shows it; None without a checkpoint.

    Args:
        best: What :func:`cmploss.experiment.best_run.read_best` found.
        study: Name of the folder of the study.
    """
    if best is None or "measure" not in best:
        return None
    folder = f"{study}/{BEST_FOLDER}"
    code = loading_code(best["model_class"], folder) if "model_class" in best else ""
    return {**best, "lines": best_lines(best), "folder": folder, "code": code}


def loading_code(model_class: str, folder: str) -> str:
    """Three lines of Python that load a checkpoint without this package.

    >>> print(loading_code("AutoModelForQuestionAnswering", "tickets/best"))
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer
    model = AutoModelForQuestionAnswering.from_pretrained("tickets/best")
    tokenizer = AutoTokenizer.from_pretrained("tickets/best")
    """
    if model_class == _CROSS_ENCODER:
        lines = [
            "from sentence_transformers import CrossEncoder  # version 6 or later",
            f'model = CrossEncoder("{folder}")',
            'model.predict("a text", apply_softmax=True)  # one text; of pairs: [("one", "other"), …]',
        ]
    else:
        lines = [
            f"from transformers import {model_class}, AutoTokenizer",
            f'model = {model_class}.from_pretrained("{folder}")',
            f'tokenizer = AutoTokenizer.from_pretrained("{folder}")',
        ]
    return "\n".join(lines)
