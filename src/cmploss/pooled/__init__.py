"""Text classifiers that pool the token states of an encoder, and the files that hold them."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.pooled.cross_encoder_files import (
        is_cross_encoder,
        load_pooled,
        new_pooled,
        save_pooled,
        stated_pooling,
    )
    from cmploss.pooled.pooled_classifier import PooledEncoderForSequenceClassification, Pooling

__all__ = [
    "PooledEncoderForSequenceClassification",
    "Pooling",
    "is_cross_encoder",
    "load_pooled",
    "new_pooled",
    "save_pooled",
    "stated_pooling",
]

import_when_used(__name__)
