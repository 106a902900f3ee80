"""The plan: which variants of a model run on a batch, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from math import inf
from typing import get_args

from cmploss.ablation.crop import CmpCrop
from cmploss.choices import ExitHeads, check_option
from cmploss.options import whole_numbers
from cmploss.settings import Setting, setting


@dataclass(frozen=True)
class Variant:
    """One pass over a batch.

    Attributes:
        power: Dropout power (see :func:`cmploss.nested_dropout`); 0 is the full model without dropout, ``None`` the
            model with its own dropout.
        p: Base rate for every dropout site; ``None`` for each site's own.
        view: Which view of the batch is read; 0 is the full one, higher numbers are smaller crops.
        mask_seed_index: Which of the step's independent seeds the masks come from. Masks nest within one seed only.
        layers: Number of lowest layers that the model has; ``None`` for all.
        exit_gradient: For these layers, the factor of the submodel's gradient (see :class:`CmpLayer`).
    """

    power: int | None = 0
    p: float | None = None
    view: int = 0
    mask_seed_index: int = 0
    layers: int | None = None
    exit_gradient: float = 1.0

    @property
    def name(self) -> str:
        """``full``, ``drop1``, ``crop1``, ``layers4_drop1`` …; ``dropout``, ``crop1_dropout`` … with own dropout.

        Another mask seed appends its index: ``drop1_draw1``.

        >>> Variant(power=2, view=1).name
        'crop1_drop2'
        """
        crop = f"crop{self.view}" if self.view else ""
        drop = "dropout" if self.power is None else f"drop{self.power}" if self.power else ""
        depth = "" if self.layers is None else f"layers{self.layers}"
        seed = f"draw{self.mask_seed_index}" if self.mask_seed_index else ""
        return "_".join(filter(None, (crop, depth, drop, seed))) or "full"

    def ablates(self, other: "Variant") -> bool:
        """Whether this variant is more ablated than ``other`` in dropout, view or depth, and less ablated in none.

        >>> Variant(power=1).ablates(Variant()), Variant(power=1).ablates(Variant(view=1))
        (True, False)
        """
        if (self.power is None) != (other.power is None):
            return False
        if self.mask_seed_index != other.mask_seed_index and other.power != 0:
            return False
        here, there = ((each.power or 0, each.view, -(each.layers or inf)) for each in (self, other))
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


@dataclass(frozen=True)
class CmpLayer:
    """Ablation of layers: submodels that have only the lowest layers, with the model's own final norm, pooler and head.

    All submodels of a step come from one forward pass, because they share their lower layers. Without
    :class:`CmpDrop` and :class:`cmploss.CmpCrop` the passes have no dropout.

    With losses ``l_0`` of the full model and ``l_k`` of its submodels, the gradient of the embeddings and layers is
    ``∂L/∂l_0 · ∇l_0 + g Σ_k ∂L/∂l_k · ∇l_k``. What follows the last layer, such as the head, has the gradient for
    ``g = 1``.

    Args:
        depths: Numbers of layers, in descending order, at least one.
        heads: Whether all depths share the model's head, or each has its ``own``, a copy that is trained and saved with
            the model (:func:`cmploss.ablation.exit_heads.add_exit_heads` gives them to a model).
        exit_gradient: ``g`` in [0, 1]. With 0, submodels do not change the layers.

    Raises:
        ValueError: For no depth, a depth below 1, another order, an unknown option, or ``g`` outside [0, 1].

    Examples:
        >>> [variant.name for variant in variants_of(CmpLayer((4, 2)))]
        ['full', 'layers4', 'layers2']

    References:
        Ours; the losses of exits without a comparison are as in Teerapittayanon et al. 2016 (arXiv 1709.01686).
    """

    depths: tuple[int, ...]
    heads: ExitHeads = setting("shared", option="exit_heads", help="Whether depths of CmpLayer share a head.")
    exit_gradient: float = setting(
        0.3, option="exit_gradient", help="Factor of the gradient that submodels of CmpLayer have for their layers."
    )

    def __post_init__(self) -> None:
        check_option("heads", self.heads, get_args(ExitHeads))
        object.__setattr__(self, "depths", tuple(self.depths))
        if not self.depths or list(self.depths) != sorted({*self.depths}, reverse=True) or self.depths[-1] < 1:
            raise ValueError(f"depths={self.depths} must be numbers of layers in descending order, as in (4, 2)")
        if not 0 <= self.exit_gradient <= 1:
            raise ValueError(f"exit_gradient={self.exit_gradient} must lie in [0, 1]")


LAYERS = Setting(
    "depths", "layers", str, None, help="Numbers of layers of submodels (CmpLayer), as in 4,2; they cost little."
)
"""The option of :class:`CmpLayer`."""


def depths_from(text: str) -> tuple[int, ...]:
    """Numbers of layers, in descending order.

    >>> depths_from("2,4")
    (4, 2)
    """
    return whole_numbers("layers", text, least=1)[::-1]


Ablation = CmpDrop | CmpCrop | CmpLayer


def variants_of(*ablations: Ablation) -> tuple[Variant, ...]:
    """The plan of some ablations: the fullest model first, each variant ablating the one before.

    With several kinds, their steps alternate, crops before layers before dropout, until all are used up.

    Args:
        *ablations: One to three of :class:`CmpDrop`, :class:`cmploss.CmpCrop` and :class:`CmpLayer`, each once, in any
            order.

    Raises:
        ValueError: For no ablation, two of one kind, or ``CmpCrop(dropout="off")`` with a ``CmpDrop``.

    Examples:
        >>> [variant.name for variant in variants_of(CmpDrop(1), CmpCrop(2))]
        ['full', 'crop1', 'crop1_drop1', 'crop2_drop1']
        >>> [variant.name for variant in variants_of(CmpLayer((4, 2)), CmpDrop(1))]
        ['full', 'layers4', 'layers4_drop1', 'layers2_drop1']
    """
    kinds = [type(ablation) for ablation in ablations]
    if not kinds or len({*kinds}) < len(kinds) or not {*kinds} <= {CmpDrop, CmpCrop, CmpLayer}:
        found = ", ".join(map(repr, ablations)) or "nothing"
        raise ValueError(
            f"give CmpDrop, CmpCrop, CmpLayer or one of each, as in Comparative(CmpDrop(1), CmpCrop(1)); got {found}"
        )
    drop = next((each for each in ablations if isinstance(each, CmpDrop)), CmpDrop(0))
    crop = next((each for each in ablations if isinstance(each, CmpCrop)), CmpCrop(0))
    cut = next((each for each in ablations if isinstance(each, CmpLayer)), None)
    cuts = cut.depths if cut else ()
    if CmpDrop in kinds and crop.dropout != "own":
        raise ValueError(
            "CmpCrop(dropout='off') cannot be combined with CmpDrop, which decides the dropout of each pass"
        )
    own = CmpCrop in kinds and CmpDrop not in kinds and crop.dropout == "own"
    depths = (None, *cuts)
    turns = zip_longest(["crop"] * crop.n_crop, ["layer"] * len(cuts), ["drop"] * drop.n_drop)
    steps = [step for step in chain.from_iterable(turns) if step]
    plan = []
    for taken in (steps[:count] for count in range(len(steps) + 1)):
        power, view, depth = (taken.count(step) for step in ("drop", "crop", "layer"))
        p = drop.p if power else None
        gradient = cut.exit_gradient if cut and depth else 1.0
        plan.append(Variant(None if own else power, p, view=view, layers=depths[depth], exit_gradient=gradient))
    return tuple(plan)


def own_head_depths(objective: object) -> tuple[int, ...]:
    """The depths of an objective's plan that have their own heads; of a sum, those of its last term."""
    if (base := getattr(objective, "base", None)) is not None:
        return own_head_depths(base)
    ablations = getattr(objective, "ablations", ())
    return next((each.depths for each in ablations if isinstance(each, CmpLayer) and each.heads == "own"), ())


def forward_passes(variants: Sequence[Variant]) -> list[list[Variant]]:
    """The variants of each forward pass: they differ in depth alone, deepest first.

    >>> [[each.name for each in found] for found in forward_passes(variants_of(CmpLayer((4, 2)), CmpDrop(1)))]
    [['full', 'layers4'], ['layers4_drop1', 'layers2_drop1']]
    """
    found: dict[Variant, list[Variant]] = {}
    for variant in dict.fromkeys(variants):
        found.setdefault(replace(variant, layers=None, exit_gradient=1.0), []).append(variant)
    return [sorted(each, key=lambda variant: -(variant.layers or inf)) for each in found.values()]
