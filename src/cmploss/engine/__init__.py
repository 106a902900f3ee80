"""How the passes of a plan are run over one batch: two engines with equal gradients."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.engine.engines import ENGINES, Engine, run_passes
    from cmploss.engine.passes import Forward, passes_of, plain_forward, with_values

__all__ = ["ENGINES", "Engine", "Forward", "passes_of", "plain_forward", "run_passes", "with_values"]

import_when_used(__name__)
