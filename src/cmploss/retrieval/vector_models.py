"""Models that make one vector of each input: an encoder and what turns its outputs into vectors."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase
from transformers.utils.generic import ModelOutput

from cmploss.choices import check_option
from cmploss.errors import UserError
from cmploss.inference import run_sorted
from cmploss.models import load_encoder_with_head
from cmploss.retrieval.encoder_config import TokenWeights

Head = Literal["mlm", "tied"]
GROUP_RATIO = 3 / 4  # rows of at least this share of the longest are padded to it


@dataclass
class VectorOutput(ModelOutput):
    """``vectors`` ``(batch, H)``; for a sparse model ``H`` is the size of the vocabulary."""

    vectors: Tensor | None = None


class VectorModel(nn.Module, ABC):
    """An encoder, layers that turn its outputs into one vector per input, and settings in JSON types."""

    kind: str

    def __init__(self, encoder: Any, head: dict[str, nn.Module], settings: Any):
        super().__init__()
        self.encoder = encoder
        self.head = nn.ModuleDict(head)
        self.settings = settings

    @property
    def config(self) -> Any:
        return self.encoder.config

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """Inputs ``(batch, tokens)`` to :class:`VectorOutput`; rows of similar length go through the encoder together.

        A batch of queries with feedback has inputs of very different lengths.
        """
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        groups = by_length(attention_mask.sum(1).tolist())
        vectors = [self._vectors(inputs, rows) for rows in groups]
        order = torch.tensor([row for rows in groups for row in rows], device=input_ids.device)
        return VectorOutput(vectors=torch.cat(vectors)[order.argsort()])

    def encode(
        self, tokenizer: PreTrainedTokenizerBase, inputs: Sequence[Mapping[str, Any]], batch_size: int = 32
    ) -> NDArray[np.float32]:
        """Vectors ``(len(inputs), H)`` of inputs as a tokenizer returns them, in eval mode, sorted into batches."""

        def batch_of(rows: Sequence[int]) -> Mapping[str, Tensor]:
            return tokenizer.pad([dict(inputs[row]) for row in rows], return_tensors="pt")

        def run(batch: dict[str, Tensor]) -> NDArray[np.float32]:
            vectors: NDArray[np.float32] = self(**batch).vectors.float().numpy(force=True)
            return vectors

        lengths = [len(each["input_ids"]) for each in inputs]
        return np.stack(run_sorted(self, lengths, batch_of, run, batch_size=batch_size))

    def _vectors(self, inputs: Mapping[str, Tensor], rows: Sequence[int]) -> Tensor:
        used = inputs["attention_mask"][rows].any(0)
        shorter = {name: value[rows][:, used] for name, value in inputs.items()}
        return self.vectors_of(self.encoder(**shorter), shorter["attention_mask"])

    @abstractmethod
    def vectors_of(self, outputs: Any, attention_mask: Tensor) -> Tensor:
        """Outputs of the encoder to vectors ``(batch, H)``."""

    def gradient_checkpointing_enable(self, *args: Any, **kwargs: Any) -> None:
        self.encoder.gradient_checkpointing_enable(*args, **kwargs)


def by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Rows in groups, from the longest, whose rows are at least ¾ as long as their longest.

    The rows of a group are ascending, as in the batch: masks of dropout are drawn for places in a group, and a replay
    of some rows must find the same ones.

    >>> by_length([80, 30, 100, 25])
    [[0, 2], [1, 3]]
    """
    groups: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if groups and lengths[row] >= GROUP_RATIO * lengths[groups[-1][0]]:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [sorted(group) for group in groups]


@dataclass(frozen=True)
class SparseSettings:
    """How a sparse model makes a vector.

    Attributes:
        head: ``"mlm"``, the encoder's own masked-language-model head, or ``"tied"``, a product with the input
            embeddings, for an encoder that has none.
        special: Vocabulary ids that get no weight: those of special tokens.
        weights: ``"relu"`` keeps the positive maxima as they are, ``"log"`` takes ``log(1 + ·)`` of them as SPLADE
            does, ``"l2"`` makes vectors of length 1 as LoL does.
    """

    head: Head
    special: tuple[int, ...]
    weights: TokenWeights = "l2"

    def __post_init__(self) -> None:
        check_option("head", self.head, get_args(Head))
        check_option("weights", self.weights, get_args(TokenWeights))


class SparseModel(VectorModel):
    """Encoder, a projection to the vocabulary, the maximum over tokens.

    ``v = f(relu(max_t logits_t))`` over the tokens that are not padding, with 0 for the ids of special tokens. ``f`` is
    the identity, ``log(1 + ·)``, or division by the vector's length.

    References:
        Zhu et al. 2022 (arXiv 2204.11545) with ``weights="l2"``, Formal et al. 2021 (arXiv 2109.10086) with ``"log"``;
        ``head="tied"`` is ours.
    """

    kind = "sparse"

    def __init__(self, encoder: Any, settings: SparseSettings):
        super().__init__(encoder, {}, settings)
        # A tied weight is saved once: safetensors refuses two names for one tensor.
        self._tied = {f"encoder.{copy}": f"encoder.{one}" for copy, one in encoder.all_tied_weights_keys.items()}
        module: Any = self
        module.register_state_dict_post_hook(_without_copies)
        module.register_load_state_dict_pre_hook(_with_copies)

    def vectors_of(self, outputs: Any, attention_mask: Tensor) -> Tensor:
        if self.settings.head == "mlm":
            logits = outputs.logits
        else:
            logits = outputs.last_hidden_state @ self.encoder.get_input_embeddings().weight.T
        # In place: the logits are by far the largest tensor of a step, and nothing else reads them.
        most = logits.masked_fill_(attention_mask.unsqueeze(-1) == 0, -torch.inf).amax(1)
        special = torch.zeros(most.shape[1], dtype=torch.bool, device=most.device)
        special[list(self.settings.special)] = True
        weights: Tensor = most.masked_fill(special, 0).relu()
        if self.settings.weights == "log":
            return weights.log1p()
        return F.normalize(weights, dim=-1) if self.settings.weights == "l2" else weights


def sparse_model(
    name: str, tokenizer: PreTrainedTokenizerBase, *, weights: TokenWeights = "l2", width: int | None = None
) -> SparseModel:
    """A sparse model of a pretrained encoder, with its masked-language-model head if it has one.

    The ids of the tokenizer's special tokens get no weight. ``width`` is the width of an existing index.
    """
    encoder, head = load_encoder_with_head(name)
    size = encoder.config.vocab_size
    if width not in (None, size):
        raise UserError(
            f"model {name}: writes {size} weights, but the index has {width} columns; give a model with the vocabulary "
            "of the index"
        )
    special = tuple(sorted(set(tokenizer.all_special_ids)))
    return SparseModel(encoder, SparseSettings("mlm" if head else "tied", special, weights))


def _without_copies(module: Any, state: dict[str, Tensor], prefix: str, local_metadata: Any) -> None:
    for copy in module._tied:
        state.pop(prefix + copy, None)


def _with_copies(module: Any, state: dict[str, Tensor], prefix: str, *rest: Any) -> None:
    for copy, one in module._tied.items():
        if prefix + one in state:
            state.setdefault(prefix + copy, state[prefix + one])
