"""The plan: which variants of a model run on a batch, and in which order."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One pass over a batch.

    Attributes:
        power: Dropout power (see :func:`cmploss.nested_dropout`); 0 is the full model without dropout, ``None`` the
            model as it stands, with its own dropout.
        p: Base rate that replaces every site's own, or ``None``.
    """

    power: int | None = 0
    p: float | None = None

    @property
    def name(self) -> str:
        """``full``, ``drop1``, ``drop2`` …, or ``dropout`` for the model as it stands."""
        if self.power is None:
            return "dropout"
        return "full" if self.power == 0 else f"drop{self.power}"


@dataclass(frozen=True)
class CmpDrop:
    """Ablation of hidden neurons: ``n_drop`` submodels of dropout power 1, 2, … with nested masks.

    Args:
        n_drop: Number of ablated passes, ≥ 0.
        p: Base rate in [0, 1) at every dropout site; by default each site's own.

    Raises:
        ValueError: For a negative number or a rate outside [0, 1).

    Example:
        >>> [variant.name for variant in variants_of(CmpDrop(2))]
        ['full', 'drop1', 'drop2']

    Source: Zhu et al. 2024 (arXiv 2301.03765).
    """

    n_drop: int = 1
    p: float | None = None

    def __post_init__(self) -> None:
        if self.n_drop < 0:
            raise ValueError(f"n_drop={self.n_drop} must not be negative")
        if self.p is not None and not 0 <= self.p < 1:
            raise ValueError(f"p={self.p} must lie in [0, 1)")


def variants_of(ablation: CmpDrop) -> tuple[Variant, ...]:
    """The plan of an ablation: the full model first, each variant ablating the one before."""
    return (Variant(), *(Variant(power, ablation.p) for power in range(1, ablation.n_drop + 1)))
