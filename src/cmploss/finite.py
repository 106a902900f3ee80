"""Checks of a model's weights: what is not finite is never trained on, scored or saved; no own head is left out."""

from collections.abc import Iterable
from typing import Any

from cmploss.errors import NotFiniteError, UserError

REMEDY = "give a smaller --learning_rate"


def check_weights(model: Any, place: str) -> None:
    """Refuse a model with a weight that is not finite.

    Raises:
        NotFiniteError: It names ``place`` and the first such parameter.
    """
    for name, value in model.named_parameters():
        if not value.isfinite().all():
            raise NotFiniteError(f"{place}: the weights {name} are not finite")


HEADS_OF_OTHER_TASKS = (
    *("classifier.", "cls.", "decoder.", "discriminator_predictions.", "generator_", "lm_head.", "lm_predictions."),
    *(
        "mask_predictions.",
        "pooler.",
        "pre_classifier.",
        "pred_layer.",
        "predictions.",
        "qa_outputs.",
        "score.",
        "vocab_",
    ),
)
"""Weights of a checkpoint that vectors of its encoder do not need."""


def check_used(unexpected: Iterable[str], name: str) -> None:
    """Refuse a checkpoint for vectors, of which layers of its own, such as ANCE's, would be left out."""
    own = sorted(key for key in unexpected if not key.startswith(HEADS_OF_OTHER_TASKS))
    if own:
        raise UserError(
            f"{name}: has layers of its own that would be left out ({', '.join(own[:4])}); give its "
            "sentence-transformers form, or its vectors with --vectors"
        )
