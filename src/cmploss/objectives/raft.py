"""RAFT: plain fine-tuning in which some questions have no evidence."""

from __future__ import annotations

from dataclasses import dataclass

from cmploss.objectives.supervised import Supervised
from cmploss.settings import setting


@dataclass(frozen=True)
class Raft(Supervised):
    """:class:`cmploss.Supervised` on a mixture: a share of the training questions is read without evidence.

    The loss is that of plain fine-tuning; the task makes the mixture (see ``--task rag``). Which questions have no
    evidence depends on the seed, and a larger share contains a smaller one. The answers of the paper also cite their
    reasons; ours are those of the data.

    Args:
        without_evidence: Share in [0, 1], ``1 − P`` of the paper.
        dropout: As for :class:`cmploss.Supervised`.
        p: As there.

    Raises:
        ValueError: For a share outside [0, 1], or as :class:`cmploss.Supervised`.

    Examples:
        >>> Raft().without_evidence
        0.2

    References:
        Zhang et al. 2024 (arXiv 2403.10131); the best P differs between its data sets, and 80 % is our default.
    """

    without_evidence: float = setting(
        0.2, option="without_evidence", help="Share of training questions that raft reads without their evidence."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.without_evidence <= 1:
            raise ValueError(f"without_evidence={self.without_evidence} must lie in [0, 1]")
