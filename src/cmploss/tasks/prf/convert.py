"""Reformulators that the authors of LoL released, as this package saves them."""

import pickle
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModel, AutoModelForMaskedLM

from cmploss.errors import UserError
from cmploss.finite import check_weights
from cmploss.model_files import plain_errors
from cmploss.models import load_tokenizer
from cmploss.retrieval.index import Index
from cmploss.retrieval.vector_models import SparseModel, SparseSettings, VectorModel
from cmploss.tasks.prf.prf_config import FeedbackConfig
from cmploss.tasks.prf.reformulators import DenseReformulator, DenseSettings, TrainedFeedback
from cmploss.tasks.prf.revisions import FeedbackReader

HEAD_FILE = "model.pt"
DENSE = {"dense_proj": "linear", "layer_norm": "layer_norm"}
UNUSED = ("psg_transform.", "reranker.")  # the relevance of passages, which has weight 0 in the published commands
FIRST_WORD, UNKNOWN = 999, 100  # ids of BERT's vocabulary: below are special and unused tokens, and single characters


def convert_checkpoint(folder: Path, index: Index, config: FeedbackConfig, tokenizer: str | None) -> TrainedFeedback:
    """A released checkpoint: an encoder with ``model.pt`` next to it, trained over the vectors of ``index``.

    Only tensors are read. ``args.pt`` holds objects of the authors' classes, which only unpickling could read; what it
    says about the input are the defaults of :class:`FeedbackConfig`.

    Args:
        folder: The checkpoint, dense (``dense_proj`` and ``layer_norm``) or sparse (a masked language model).
        index: The index in whose vector space it writes.
        config: What it reads; the defaults are the published ones.
        tokenizer: Model whose tokenizer it reads with; by default the folder has one.

    Raises:
        UserError: If the files are of another kind, or do not fit the index.

    References:
        Zhu et al. 2022 (arXiv 2204.11545), repository zycdev/LoL.
    """
    state = _tensors(folder / HEAD_FILE)
    own = {name: value for name, value in state.items() if not name.startswith(UNUSED)}
    model: VectorModel
    if own:
        wanted = {f"{part}.{kind}": f"{name}.{kind}" for part, name in DENSE.items() for kind in ("weight", "bias")}
        if own.keys() != wanted.keys():
            raise UserError(
                f"{folder / HEAD_FILE}: has {', '.join(sorted(own))}; converted are {', '.join(wanted)}, or none"
            )
        with plain_errors(str(folder)):
            encoder = AutoModel.from_pretrained(folder, dtype=torch.float32)
        model = DenseReformulator(encoder, DenseSettings("cls", "layer_norm", len(own["dense_proj.bias"])))
        model.head.load_state_dict({wanted[name]: value for name, value in own.items()})
    else:
        with plain_errors(str(folder)):
            encoder = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32)
        special = tuple(token for token in range(min(FIRST_WORD, encoder.config.vocab_size)) if token != UNKNOWN)
        model = SparseModel(encoder, SparseSettings("mlm", special, "l2"))
    width = model.settings.width if own else model.config.vocab_size
    if (model.kind, width) != (index.kind, index.vectors.shape[1]):
        found = f"{index.kind} vectors of {index.vectors.shape[1]} numbers"
        raise UserError(f"{folder}: writes {model.kind} vectors of {width} numbers, but the index has {found}")
    check_weights(model, f"model {folder}")
    reader = FeedbackReader(load_tokenizer(tokenizer or str(folder)), config)
    retriever = {"model": index.model, "weights": index.settings.get("weights")}
    return TrainedFeedback(model.eval(), reader, retriever)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the folder of a released checkpoint") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UserError(f"{path}: holds more than tensors, or is damaged; nothing else is read") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(f"{path}: is no mapping of names to tensors; give the folder of a released checkpoint")
    return found
