"""How the passes of a plan are run over one batch: two engines with equal gradients."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.choices import Engine
    from cmploss.engine.engines import run_passes
    from cmploss.engine.passes import Forward, passes_of, plain_forward, replace_outputs

__all__ = ["Engine", "Forward", "passes_of", "plain_forward", "replace_outputs", "run_passes"]

import_when_used(__name__)
