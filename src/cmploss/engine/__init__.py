"""How the passes of a plan are run over one batch: two engines with equal gradients."""
