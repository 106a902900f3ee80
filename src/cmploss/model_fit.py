"""Fits a pretrained model to data: positions for tokens, labels of a head that is kept, layers that are left out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from cmploss.errors import UserError

POSITIONS_AFTER_PADDING = (
    *("camembert", "data2vec-text", "ibert", "longformer", "luke", "mpnet", "roberta", "roberta-prelayernorm"),
    *("xlm-roberta", "xlm-roberta-xl", "xmod"),
)
"""Types of models whose first token has the position after the padding token's, as RoBERTa's."""


def positions_of(config: Any) -> float:
    """Tokens that a model has positions for; inf if they are not limited, or not known."""
    limit = getattr(config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit < 1:
        return math.inf
    return limit - (config.pad_token_id or 0) - 1 if config.model_type in POSITIONS_AFTER_PADDING else limit


def sort_rows(model: Any, earlier: Mapping[int, str], label_names: Sequence[str]) -> None:
    """Put the rows of a head that was kept into the order of the labels, if its checkpoint has the same labels."""
    old = [str(earlier[index]).casefold() for index in sorted(earlier)]
    new = [name.casefold() for name in label_names]
    if old == new or sorted(old) != sorted(new) or len(set(old)) < len(old):
        return
    layers = [each for each in model.modules() if isinstance(each, nn.Linear) and each.out_features == len(new)]
    order = [old.index(name) for name in new]
    for values in layers[-1].state_dict().values() if layers else ():  # a score for each choice has no rows
        values.copy_(values[order].clone())


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
