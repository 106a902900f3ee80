"""Checks of a model's weights: what is not finite is never trained on, scored or saved."""

from typing import Any

from cmploss.errors import NotFiniteError

REMEDY = "give a smaller --learning_rate"


def check_weights(model: Any, place: str) -> None:
    """Refuse a model with a weight that is not finite.

    Raises:
        NotFiniteError: It names ``place`` and the first such parameter.
    """
    for name, value in model.named_parameters():
        if not value.isfinite().all():
            raise NotFiniteError(f"{place}: the weights {name} are not finite")
