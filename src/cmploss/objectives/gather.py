"""Examples of all processes of a distributed run, for losses that compare examples with each other."""

import torch
from torch import Tensor, distributed


def all_gather_with_grad(rows: Tensor) -> Tensor:
    """The rows ``(n, …)`` of every process, in the order of ranks; gradients reach the rows of this process.

    Every process must call this function; ``n`` may differ. If each minimises ``L`` of the same gathered rows, their
    gradients sum to the gradient of ``L``, without any communication in the backward pass.
    """
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return rows
    processes, rank = distributed.get_world_size(), distributed.get_rank()
    sizes = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(processes)]
    distributed.all_gather(sizes, torch.tensor([len(rows)], device=rows.device))
    counts = [int(size) for size in sizes]
    padded = rows.new_zeros(max(1, *counts), *rows.shape[1:])  # all_gather needs equal shapes
    padded[: len(rows)] = rows.detach()
    found = [torch.empty_like(padded) for _ in range(processes)]
    distributed.all_gather(found, padded)
    parts = [part[:count] for part, count in zip(found, counts, strict=True)]
    parts[rank] = rows
    return torch.cat(parts)
