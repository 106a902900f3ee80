"""What an ablated submodel is: nested dropout, nested crops, and the plan that orders the variants of a model."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.ablation.crop import CmpCrop
    from cmploss.ablation.dropout import nested_dropout
    from cmploss.ablation.sites import DropoutSite, dropout_sites, unwrap_model
    from cmploss.ablation.variants import CmpDrop, Variant, variants_of

__all__ = [
    "CmpCrop",
    "CmpDrop",
    "DropoutSite",
    "Variant",
    "dropout_sites",
    "nested_dropout",
    "unwrap_model",
    "variants_of",
]

import_when_used(__name__)
