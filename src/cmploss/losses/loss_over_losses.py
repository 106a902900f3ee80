"""The loss of a reformulated query: softmax cross-entropy over a large, fixed matrix of passages.

The matrix is read in blocks, so it may be a memory map that is larger than memory. No copy of it is kept.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

BLOCK = 16_384  # rows: 25 MB of 384 float32 numbers each
NONE = -1


class PassageMatrix(Protocol):
    """Rows ``(passages, H)`` by slice or index array: a numpy array or memory map, a scipy CSR matrix, a tensor."""

    @property
    def shape(self) -> Any: ...

    def __getitem__(self, rows: Any, /) -> Any: ...


def reformulation_losses(
    vectors: Tensor, relevant: Tensor, passages: PassageMatrix, *, scale: float = 1.0, block: int = BLOCK
) -> Tensor:
    """Cross-entropy ``(batch,)`` of each query's hardest relevant passage against all passages that are not relevant.

    With scores ``s_j = scale · v·p_j``, relevant passages ``R`` and the target ``t = argmin_{j ∈ R} s_j``,
    ``l = −log [exp s_t / (exp s_t + Σ_{j ∉ R} exp s_j)]``: the other relevant passages are left out. Scores and sums
    are float32, or float64 for float64 vectors. The gradient ``∂l/∂v = scale · (Σ_j softmax_j p_j − p_t)`` is computed
    in the same pass over the matrix.

    Args:
        vectors: Query vectors ``(batch, H)``, any float dtype.
        relevant: Rows of each query's relevant passages ``(batch, most)``, padded with −1; int64. If scores tie, the
            first is the target.
        passages: ``(passages, H)``, dense or sparse, of any float dtype; it gets no gradient.
        scale: Factor of the scores. 1 suits vectors whose inner products differ by several units; unit vectors need
            about 20, else the softmax is nearly uniform. The scale is ours, see ``docs/methods/lol.md``.
        block: Rows read at a time; affects memory and speed only.

    Examples:
        Scores 1, 0 and 2, of which the second is relevant: log(e + 1 + e²) − 0.

        >>> passages = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
        >>> reformulation_losses(torch.tensor([[1.0, 0.0]]), torch.tensor([[1]]), passages)
        tensor([2.4076])

    References:
        Zhu et al., SIGIR 2022 (arXiv 2204.11545).
    """
    _check(vectors, relevant, passages, scale, block)
    if torch.is_grad_enabled() and vectors.requires_grad:
        apply: Any = _Streamed.apply
        losses: Tensor = apply(vectors, relevant, passages, scale, block)
        return losses
    return _stream(vectors, relevant, passages, scale, block, with_gradient=False)[0]


class _Streamed(torch.autograd.Function):
    """Losses and their gradient from one pass over the matrix; the backward pass does not read it again."""

    @staticmethod
    def forward(
        ctx: Any, vectors: Tensor, relevant: Tensor, passages: PassageMatrix, scale: float, block: int
    ) -> Tensor:
        losses, gradient = _stream(vectors, relevant, passages, scale, block, with_gradient=True)
        ctx.save_for_backward(gradient.to(vectors.dtype))
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return outer[0].to(gradient.dtype).unsqueeze(-1) * gradient, None, None, None, None


def _stream(
    vectors: Tensor, relevant: Tensor, passages: PassageMatrix, scale: float, block: int, *, with_gradient: bool
) -> tuple[Tensor, Tensor]:
    """Losses ``(batch,)`` and their gradient ``(batch, H)``, by a softmax that is rescaled as its maximum grows."""
    with torch.no_grad(), torch.autocast(vectors.device.type, enabled=False):
        wide = vectors.detach().to(torch.promote_types(vectors.dtype, torch.float32))
        targets, lowest = _hardest(wide, relevant, passages)
        lowest = scale * lowest
        # The softmax starts with the target; relevant passages are masked below, so the target counts once.
        largest, total, mean = lowest, torch.ones_like(lowest), targets
        for start, rows in _blocks(passages, block, wide):
            scores = scale * (rows @ wide.T).T
            query, place = _inside(relevant, start, len(rows))
            scores[query, place] = -torch.inf
            larger = torch.maximum(largest, scores.amax(-1))
            shrink = (largest - larger).exp()
            # Terms below exp(−80) are 0: products with subnormal numbers are up to 30 times slower.
            weights = F.threshold(scores - larger.unsqueeze(-1), -80.0, -torch.inf, inplace=True).exp_()
            total = total * shrink + weights.sum(-1)
            if with_gradient:
                mean = mean * shrink.unsqueeze(-1) + ((rows.T @ weights.T).T if rows.is_sparse else weights @ rows)
            largest = larger
        losses = (largest - lowest) + total.log()
        return losses, scale * (mean / total.unsqueeze(-1) - targets)


def _hardest(wide: Tensor, relevant: Tensor, passages: PassageMatrix) -> tuple[Tensor, Tensor]:
    """Each query's relevant passage with the lowest score, ``(batch, H)``, and that score before scaling."""
    given = relevant != NONE
    rows, inverse = np.unique(relevant[given].numpy(force=True), return_inverse=True)
    place = torch.from_numpy(inverse).to(relevant.device)
    found = _as_tensor(passages[rows], wide)
    scores = torch.full(relevant.shape, torch.inf, dtype=wide.dtype, device=wide.device)
    query = given.nonzero()[:, 0]
    scores[given] = (found @ wide.T)[place, query]
    lowest, column = scores.min(-1)
    places = torch.zeros_like(relevant)
    places[given] = place
    hardest = places.gather(-1, column.unsqueeze(-1)).squeeze(-1)
    return found.index_select(0, hardest).to_dense(), lowest


def _blocks(passages: PassageMatrix, block: int, like: Tensor) -> Iterator[tuple[int, Tensor]]:
    for start in range(0, passages.shape[0], block):
        yield start, _as_tensor(passages[start : start + block], like)


def _inside(relevant: Tensor, start: int, length: int) -> tuple[Tensor, Tensor]:
    """For every relevant passage in a block: its query, and its row within the block."""
    query, column = ((relevant >= start) & (relevant < start + length)).nonzero(as_tuple=True)
    return query, relevant[query, column] - start


def _as_tensor(rows: Any, like: Tensor) -> Tensor:
    if isinstance(rows, Tensor):
        return rows.to(like)
    if issparse(rows):
        return _sparse_tensor(rows, like)
    return torch.from_numpy(np.array(rows)).to(like)  # copied first: a memory map is not writable


def _sparse_tensor(rows: Any, like: Tensor) -> Tensor:
    found = rows.tocoo()
    places = torch.from_numpy(np.stack([found.row, found.col]).astype(np.int64))
    values = torch.from_numpy(np.array(found.data)).to(like.dtype)
    return torch.sparse_coo_tensor(places, values, found.shape, check_invariants=False).to(like.device)


def _check(vectors: Tensor, relevant: Tensor, passages: PassageMatrix, scale: float, block: int) -> None:
    if not scale > 0:
        raise ValueError(f"scale={scale} must be positive")
    if block < 1:
        raise ValueError(f"block={block} must be at least 1")
    count, width = passages.shape
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise ValueError(f"vectors must have shape (batch, {width}), as the passages have; got {tuple(vectors.shape)}")
    if relevant.ndim != 2 or len(relevant) != len(vectors) or relevant.dtype != torch.int64:
        raise ValueError(
            f"relevant must hold int64 rows ({len(vectors)}, most), padded with −1; got {relevant.dtype} "
            f"{tuple(relevant.shape)}"
        )
    if relevant.numel() and not NONE <= relevant.min() <= relevant.max() < count:
        raise ValueError(f"relevant has rows outside the {count} passages")
    missing = (relevant == NONE).all(-1).nonzero().flatten().tolist()
    if missing:
        raise ValueError(f"query {missing[0]} of the batch has no relevant passage")
