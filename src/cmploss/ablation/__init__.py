"""What an ablated submodel is: nested dropout, nested crops, and the plan that orders the variants of a model."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.ablation.crop import CmpCrop as CmpCrop
    from cmploss.ablation.dropout import nested_dropout as nested_dropout
    from cmploss.ablation.sites import (
        DropoutSite as DropoutSite,
        dropout_sites as dropout_sites,
        unwrap_model as unwrap_model,
    )
    from cmploss.ablation.variants import (
        CmpDrop as CmpDrop,
        CmpLayer as CmpLayer,
        Variant as Variant,
        forward_passes as forward_passes,
        variants_of as variants_of,
    )

import_when_used(__name__)
