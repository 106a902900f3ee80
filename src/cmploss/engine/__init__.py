"""How the passes of a plan are run over one batch: two engines with equal gradients."""

from cmploss.engine.engines import ENGINES, Engine, run_passes
from cmploss.engine.passes import passes_of

__all__ = ["ENGINES", "Engine", "passes_of", "run_passes"]
