"""The task loss of a query reformulator, over a matrix of passages that is read in blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cmploss.losses.loss_over_losses import PassageMatrix, reformulation_losses
from cmploss.tasks.prf.prf_data import RankedQueries


@dataclass(frozen=True, eq=False)
class PassageRows:
    """Some rows (ascending) of a matrix, such as memory-mapped vectors, as a matrix; read when they are needed."""

    matrix: PassageMatrix
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), self.matrix.shape[1]

    def __getitem__(self, chosen: Any, /) -> Any:
        return self.matrix[self.rows[chosen]]


def candidates(matrix: PassageMatrix, *splits: RankedQueries) -> PassageRows:
    """The matrix that losses go over: all that was retrieved for any query, and all that is relevant to one."""
    rows = {row for split in splits for group in (split.retrieved, split.relevant) for each in group for row in each}
    return PassageRows(matrix, np.array(sorted(rows), dtype=np.int64))


@dataclass(frozen=True, eq=False)
class ReformulationLoss:
    """The task loss of a reformulator over a matrix ``(passages, H)``, for ``ObjectiveTrainer(task_loss=…)``.

    See :func:`cmploss.losses.reformulation_losses`; labels have ``relevant``, outputs ``vectors``.
    """

    passages: PassageMatrix
    scale: float = 1.0

    def __call__(self, outputs: Any, labels: Mapping[str, Tensor]) -> Tensor:
        return reformulation_losses(outputs.vectors, labels["relevant"], self.passages, scale=self.scale)
