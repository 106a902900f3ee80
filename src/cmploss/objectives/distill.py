"""Distillation: a trained model teaches what it predicts for every example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmploss.objectives.base import MultiPassObjective, ObjectiveOutput
from cmploss.objectives.supervised import Regularizer, Supervised
from cmploss.settings import setting

if TYPE_CHECKING:
    from cmploss.objectives.run_plan import PassBatch


WEIGHT_HELP = "Weight α of the teacher in distill and self_distill; the task loss has weight 1 − α."
TEMPERATURE_HELP = "Temperature T of the predictions of teacher and student."


@dataclass(frozen=True)
class Distill(Regularizer):
    """``(1 − α) · L + α · T² · KL(teacher ‖ student)``: an objective, and the predictions of a trained model.

    The divergence is :func:`cmploss.losses.distillation_loss` of the first pass of the plan, averaged over examples. It
    is also averaged over the labelled tokens of an example, over start and end of an answer, and over the labels of a
    multi-label model. For regression it is the squared difference, without ``T``. The teacher reads what the first pass
    reads, in eval mode and float32, and is not trained.

    Args:
        teacher: Folder or hub id of a trained model with the same head and labels, and with the same tokenizer. Labels
            are matched by name.
        weight: ``α`` in [0, 1].
        temperature: ``T > 0``.
        base: The objective ``L``; by default the task loss of one pass with dropout.

    Raises:
        ValueError: For no teacher, a weight outside [0, 1] or a temperature that is not positive.

    Examples:
        >>> Distill("runs/large/best").weight
        0.5

    References:
        Hinton et al. 2015 (arXiv 1503.02531).
    """

    # The defaults and search spaces are ours; Hinton et al. give the labels the smaller weight.
    teacher: str = setting("", option="teacher", help="Folder of the trained model that distill learns from.")
    weight: float = setting(
        0.5,
        option="distill_weight",
        search=(0.5, 0.7, 0.9),
        help=WEIGHT_HELP,
    )
    temperature: float = setting(
        2.0,
        option="distill_temperature",
        search=(1.0, 2.0, 4.0),
        help=TEMPERATURE_HELP,
    )
    base: MultiPassObjective = Supervised()

    def __post_init__(self) -> None:
        if not self.teacher:
            raise ValueError("distill needs --teacher, the folder of a trained model, as in --teacher runs/study/best")
        check_distillation(self.weight, self.temperature)

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        from cmploss.objectives.task_loss import distillation, divergences
        from cmploss.objectives.teacher import teacher_outputs
        from cmploss.objectives.views import apply_mask, mean_or_zero

        labels, student = passes.labels[0], passes.outputs[0]
        teacher = teacher_outputs(self.teacher, passes.model, passes.inputs[0], labels)
        found = divergences(passes.model, (student, teacher), labels, distillation(self.temperature))
        divergence = mean_or_zero(apply_mask(found, labels))
        base = self.base.score(passes)
        logs = base.logs or {"loss_task": base.loss.detach()}
        loss = (1 - self.weight) * base.loss + self.weight * divergence
        return ObjectiveOutput(loss, logs | {"distillation": divergence.detach()}, base.outputs)


def check_distillation(weight: float, temperature: float) -> None:
    if not 0 <= weight <= 1:
        raise ValueError(f"distillation weight={weight} must lie in [0, 1]")
    if not temperature > 0:
        raise ValueError(f"distillation temperature={temperature} must be positive")
