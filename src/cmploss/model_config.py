"""Options of the model that a run starts from."""

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
        model: Hub id[@revision] or folder.
        max_length: Longest input in tokens; by default 128 (longer texts are cut at the end), in question answering 384
            (longer contexts are read in several windows). auto is long enough for 99 % of the training texts, up to the
            limit of the model.
        num_layers: Number of lowest layers of the model that are kept; all by default. A smaller model is faster.
        reinit_layers: Number of top layers to re-initialise; the pooler is re-initialised too.
        freeze: Parts of the encoder that are not trained: embeddings, a number of lowest layers, or both, as in
            embeddings,2. Steps are faster, and a small sample changes less of the model.
        pooling: Input of a text classifier: the state of the first token (cls) or the mean over tokens; head is the
            standard head of transformers. auto is the pooling that a sentence-transformers model states, else head.
        head_init: Initial last layer: random or probe. A probe is logistic or ridge regression on the frozen vectors of
            the run's training texts. auto is probe for a sentence-transformers model with its own pooling, else random.
    """

    model: str = DEFAULT_MODEL
    max_length: MaxLength = None
    num_layers: int | None = None
    reinit_layers: int = 0
    freeze: str | None = None
    pooling: Pooling = "auto"
    head_init: HeadInit = "auto"
