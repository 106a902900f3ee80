"""Which model a run starts from, as options say it."""

from dataclasses import dataclass

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class ModelConfig:
    """Which pretrained model, and how much of a text it reads.

    Attributes:
        model: Hub id or local folder.
        max_length: Longest input in tokens; by default 128 (longer texts are cut at the end), in question answering 384
            (longer contexts are read in several windows).
        reinit_layers: Top layers that start, like the pooler, from new random weights.
    """

    model: str = DEFAULT_MODEL
    max_length: int | None = None
    reinit_layers: int = 0
