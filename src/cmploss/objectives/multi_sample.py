"""Multi-sample dropout: several dropout samples of the head for one pass of the encoder."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cmploss.ablation import dropout_sites
from cmploss.engine import replace_outputs
from cmploss.objectives.base import Outcome, Passes, PassObjective
from cmploss.objectives.encoder_states import encoder_of, repeated_states
from cmploss.objectives.supervised import Supervised

SAMPLES = "samples_of_"  # before the name of logits


class MultiSampleDropout(PassObjective):
    """``1/m · Σ_s L_s``: the mean task loss of ``m`` dropout samples of the head, for one pass of the encoder.

    The head (everything after the encoder) gets each example ``m`` times and draws its dropout for each copy.

    Args:
        samples: ``m ≥ 1``.
        p: Base rate in [0, 1) that replaces every dropout site's own, in the encoder too.

    Raises:
        ValueError: For fewer than one sample or a rate outside [0, 1).

    Example:
        >>> MultiSampleDropout(4)
        MultiSampleDropout(samples=4, p=None)

    Source: Inoue 2019 (arXiv 1905.09788).
    """

    def __init__(self, samples: int = 8, p: float | None = None):
        if samples < 1:
            raise ValueError(f"samples={samples} must be at least 1")
        self.samples = samples
        self.p = p
        self.variants = Supervised(p=p).variants

    def __repr__(self) -> str:
        return f"MultiSampleDropout({self.options('samples', 'p')})"

    def forward(self, model: nn.Module, inputs: Mapping[str, Any]) -> Any:
        """A pass whose logits are the mean over the samples, with those of each sample ``(batch, m, …)`` beside them.

        Raises:
            ValueError: If the head has no dropout, or pools over tokens.
        """
        encoder = encoder_of(model)
        inside = set(encoder.modules())
        if not any(site.rate for site in dropout_sites(model) if site.owner not in inside):
            raise ValueError(
                f"the head of {type(model).__name__} has no dropout, so that all its samples would be equal"
            )
        if getattr(encoder.config, "classifier_pooling", "cls") != "cls":
            raise ValueError("multi-sample dropout needs a head that reads one token; set classifier_pooling to 'cls'")
        with repeated_states(model, self.samples):
            outputs = model(**inputs)
        logits = {name: value for name, value in outputs.items() if name.endswith("logits")}
        each = {name: value.unflatten(0, (self.samples, -1)).transpose(0, 1) for name, value in logits.items()}
        means = {name: value.mean(1) for name, value in each.items()}
        return replace_outputs(outputs, means | {SAMPLES + name: value for name, value in each.items()})

    def score(self, passes: Passes) -> Outcome:
        """The mean task loss over samples."""
        (outputs,), (labels,) = passes.outputs, passes.labels
        each = {name.removeprefix(SAMPLES): value for name, value in outputs.items() if name.startswith(SAMPLES)}

        def losses_of(outputs: Any, labels: Mapping[str, Tensor]) -> Tensor:
            samples = [
                passes.task_loss(
                    replace_outputs(outputs, {name: value[:, number] for name, value in each.items()}), labels
                )
                for number in range(self.samples)
            ]
            return torch.stack(samples).mean(0)

        return Passes(passes.model, passes.variants, (outputs,), (labels,), losses_of).outcome(Tensor.mean)
