"""The plan: which variants of a model run on a batch, and in which order."""

from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from cmploss.ablation.crop import CmpCrop
from cmploss.settings import setting


@dataclass(frozen=True)
class Variant:
    """One pass over a batch.

    Attributes:
        power: Dropout power (see :func:`cmploss.nested_dropout`); 0 is the full model without dropout, ``None`` the
            model with its own dropout.
        p: Base rate for every dropout site; ``None`` for each site's own.
        view: Which view of the batch is read; 0 is the full one, higher numbers are smaller crops.
        mask_seed_index: Which of the step's independent seeds the masks come from. Masks nest within one seed only.
    """

    power: int | None = 0
    p: float | None = None
    view: int = 0
    mask_seed_index: int = 0

    @property
    def name(self) -> str:
        """``full``, ``drop1``, ``crop1``, ``crop1_drop1`` …; ``dropout``, ``crop1_dropout`` … with own dropout.

        Another mask seed appends its index: ``drop1_draw1``.

        >>> Variant(power=2, view=1).name
        'crop1_drop2'
        """
        crop = f"crop{self.view}" if self.view else ""
        drop = "dropout" if self.power is None else f"drop{self.power}" if self.power else ""
        seed = f"draw{self.mask_seed_index}" if self.mask_seed_index else ""
        return "_".join(filter(None, (crop, drop, seed))) or "full"

    def ablates(self, other: "Variant") -> bool:
        """Whether this variant is more ablated than ``other`` in dropout or view, and less ablated in neither.

        >>> Variant(power=1).ablates(Variant()), Variant(power=1).ablates(Variant(view=1))
        (True, False)
        """
        if (self.power is None) != (other.power is None):
            return False
        if self.mask_seed_index != other.mask_seed_index and other.power != 0:
            return False
        here, there = (self.power or 0, self.view), (other.power or 0, other.view)
        return here != there and all(mine >= theirs for mine, theirs in zip(here, there, strict=True))

    def with_new_masks(self) -> "Variant":
        """The same submodel with masks from another, independent seed; without dropout there are no masks."""
        return self if self.power == 0 else replace(self, mask_seed_index=self.mask_seed_index + 1)


@dataclass(frozen=True)
class CmpDrop:
    """Ablation of hidden neurons: ``n_drop`` submodels of dropout power 1, 2, … with nested masks.

    Args:
        n_drop: Number of ablated passes, ≥ 0.
        p: Base rate in [0, 1) at every dropout site; by default each site's own.

    Raises:
        ValueError: For a negative number or a rate outside [0, 1).

    Examples:
        >>> [variant.name for variant in variants_of(CmpDrop(2))]
        ['full', 'drop1', 'drop2']

    References:
        Zhu et al. 2024 (arXiv 2301.03765).
    """

    n_drop: int = setting(1, option="n_drop", search=(1, 2, 3), help="Number of passes with nested dropout (CmpDrop).")
    p: float | None = setting(
        None,
        option="dropout_p",
        help="Base rate at every dropout site in ablated passes, and in rdrop; by default each site's own.",
    )

    def __post_init__(self) -> None:
        if self.n_drop < 0:
            raise ValueError(f"n_drop={self.n_drop} must not be negative")
        if self.p is not None and not 0 <= self.p < 1:
            raise ValueError(f"p={self.p} must lie in [0, 1)")


Ablation = CmpDrop | CmpCrop


def variants_of(*ablations: Ablation) -> tuple[Variant, ...]:
    """The plan of one or two ablations: the fullest model first, each variant ablating the one before.

    With both kinds, crops and dropout steps alternate, crops first, until both are used up.

    Args:
        *ablations: A :class:`CmpDrop`, a :class:`cmploss.CmpCrop`, or one of each in any order.

    Raises:
        ValueError: For no ablation, two of one kind, or ``CmpCrop(dropout="off")`` with a ``CmpDrop``.

    Examples:
        >>> [variant.name for variant in variants_of(CmpDrop(1), CmpCrop(2))]
        ['full', 'crop1', 'crop1_drop1', 'crop2_drop1']
    """
    drops = [ablation for ablation in ablations if isinstance(ablation, CmpDrop)]
    crops = [ablation for ablation in ablations if isinstance(ablation, CmpCrop)]
    if not ablations or len(drops) > 1 or len(crops) > 1 or len(drops) + len(crops) < len(ablations):
        found = ", ".join(map(repr, ablations)) or "nothing"
        raise ValueError(
            f"give CmpDrop, CmpCrop or one of each, as in Comparative(CmpDrop(1), CmpCrop(1)); got {found}"
        )
    if not drops:
        (crop,) = crops
        power = None if crop.dropout == "own" else 0
        return tuple(Variant(power, view=view) for view in range(crop.n_crop + 1))
    (drop,) = drops
    if crops and crops[0].dropout != "own":
        raise ValueError(
            "CmpCrop(dropout='off') cannot be combined with CmpDrop, which decides the dropout of each pass"
        )
    turns = zip_longest(["crop"] * sum(crop.n_crop for crop in crops), ["drop"] * drop.n_drop)
    steps = [step for step in chain.from_iterable(turns) if step]
    done = [steps[:count] for count in range(len(steps) + 1)]
    return tuple(
        Variant(power := taken.count("drop"), drop.p if power else None, view=taken.count("crop")) for taken in done
    )
