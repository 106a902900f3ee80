"""The task loss of a query reformulator, over a matrix of passages that is read in blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cmploss.losses import PassageMatrix, reformulation_losses
from cmploss.tasks.prf.prf_data import RankedQueries


@dataclass(frozen=True, eq=False)
class PassageRows:
    """Some rows of a matrix as a matrix of their own, read when they are needed.

    Attributes:
        matrix: ``(N, H)``, such as an index's memory-mapped vectors.
        rows: Ascending.
    """

    matrix: PassageMatrix
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """``(len(rows), H)``."""
        return len(self.rows), self.matrix.shape[1]

    def __getitem__(self, chosen: Any, /) -> Any:
        """Rows of the matrix, by their place among the chosen ones."""
        return self.matrix[self.rows[chosen]]


def candidates(matrix: PassageMatrix, *splits: RankedQueries) -> PassageRows:
    """The matrix that losses go over: all that was retrieved for any query, and all that is relevant to one."""
    rows = {row for split in splits for group in (split.retrieved, split.relevant) for each in group for row in each}
    return PassageRows(matrix, np.array(sorted(rows), dtype=np.int64))


@dataclass(frozen=True, eq=False)
class ReformulationLoss:
    """The task loss of a reformulator, for an objective or ``ObjectiveTrainer(task_loss=…)``.

    Attributes:
        passages: The matrix ``(passages, H)``.
        scale: By which scores are multiplied (see :func:`cmploss.losses.reformulation_losses`).
    """

    passages: PassageMatrix
    scale: float = 1.0

    def __call__(self, outputs: Any, labels: Mapping[str, Tensor]) -> Tensor:
        """Outputs with ``vectors`` and labels with ``relevant`` to losses ``(batch,)``."""
        return reformulation_losses(outputs.vectors, labels["relevant"], self.passages, scale=self.scale)
