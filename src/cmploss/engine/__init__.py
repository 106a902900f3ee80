"""How the passes of a plan are run over one batch: two engines with equal gradients."""

from cmploss.engine.engines import run_passes
from cmploss.engine.names import ENGINES, Engine
from cmploss.engine.passes import Forward, passes_of, plain_forward, with_values

__all__ = ["ENGINES", "Engine", "Forward", "passes_of", "plain_forward", "run_passes", "with_values"]
