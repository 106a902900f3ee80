"""Which model a run starts from, as options say it."""

from dataclasses import dataclass
from typing import Literal

Pooling = Literal["auto", "head", "cls", "mean"]
HeadInit = Literal["auto", "random", "probe"]
MaxLength = int | Literal["auto"] | None
DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class ModelConfig:
    """Which pretrained model, and how much of a text it reads.

    Attributes:
        model: Hub id or local folder.
        max_length: Longest input in tokens; by default 128 (longer texts are cut at the end), in question answering 384
            (longer contexts are read in several windows). auto reads 99 % of the training texts whole, within the limit
            of the model.
        reinit_layers: Top layers that start, like the pooler, from new random weights.
        freeze: Parts of the encoder that are not trained: embeddings, a number of its lowest layers, or both, as in
            embeddings,2. Steps are faster, and a small sample changes less of the model.
        pooling: Input of a text classifier: the state of the first token (cls) or the mean over tokens; head is the
            head that transformers gives the model. auto takes what a sentence-transformers model states, else head.
        head_init: First weights of its last layer: random, or those of a probe, which is logistic or ridge regression
            on the frozen vectors of the run's training texts. auto is probe for a sentence-transformers model with its
            own pooling, else random.
    """

    model: str = DEFAULT_MODEL
    max_length: MaxLength = None
    reinit_layers: int = 0
    freeze: str | None = None
    pooling: Pooling = "auto"
    head_init: HeadInit = "auto"
