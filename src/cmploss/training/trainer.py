"""``transformers.Trainer`` with an objective."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer
from transformers.trainer_pt_utils import LengthGroupedSampler

from cmploss.ablation.dropout import verify_nested_dropout
from cmploss.objectives import Objective, TaskLoss, split_labels, task_loss_for
from cmploss.training.loop import batch_size
from cmploss.training.sampler import EpochLengthGroupedSampler


class ObjectiveTrainer(Trainer):
    """A ``transformers.Trainer`` that minimises an objective.

    Training runs the objective's passes and logs its parts; evaluation and prediction run one plain pass and report the
    plain task loss. Gradient accumulation and several processes give the gradient of one big batch. Everything else
    is the Trainer's. ``label_smoothing_factor`` smooths the task loss in training.

    Args:
        objective: What to minimise, as in ``Comparative(CmpDrop(1))``.
        task_loss: (outputs, labels) -> one loss per example; by default found from the model and the labels.
        class_weights: ``(classes,)`` for the default single-label task loss in training.
        *args: As for ``Trainer``.
        **kwargs: As for ``Trainer``.

    Raises:
        ValueError: For ``compute_loss_func`` (an objective needs several passes: give ``task_loss``), for label
            smoothing or class weights together with ``task_loss``, for NEFTune with an objective that controls dropout,
            for several devices in one process.

    Example:
        >>> trainer = ObjectiveTrainer(model=model, args=args, train_dataset=train, objective=Comparative(CmpDrop(1)))
        ... # doctest: +SKIP
    """

    # The objective returns a mean over the batch: the Trainer must divide it by the accumulation steps.
    loss_is_scaled_for_ga = False

    def __init__(
        self,
        *args: Any,
        objective: Objective,
        task_loss: TaskLoss | None = None,
        class_weights: Tensor | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = False
        if self.compute_loss_func is not None:
            raise ValueError("compute_loss_func sees one pass only; give task_loss=, the loss of each example")
        if task_loss is not None and (class_weights is not None or self.args.label_smoothing_factor):
            raise ValueError("label_smoothing_factor and class_weights change the default task loss; drop task_loss=")
        if self.args.neftune_noise_alpha and self._controls_dropout(objective):
            raise ValueError("neftune_noise_alpha would disturb the pass without dropout too; use it with Supervised()")
        if self.args.n_gpu > 1:
            raise ValueError("several GPUs need one process each: start with torchrun or accelerate launch")
        self._objective = objective
        self.class_weights = class_weights
        self._given_task_loss = task_loss
        self._task_losses: dict[bool, TaskLoss] = {}
        self._step_weights: list[float] = []
        self._parts: dict[str, Tensor] = {}
        self._parts_weight = 0.0
        self._dropout_verified = False

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The objective in training, the plain task loss of one pass in evaluation."""
        if not model.training:
            features, labels = split_labels(inputs)
            outputs = model(**features)
            loss = self._task_loss(model, labels)(outputs, labels).mean()
            return (loss, outputs) if return_outputs else loss
        self._verify_dropout_once(model, inputs)
        outcome = self._objective(model, inputs, self._task_loss(model, split_labels(inputs)[1]))
        weight = self._step_weights.pop(0) if self._step_weights else 1.0
        self._add_parts(outcome.parts, weight)
        loss = outcome.loss * weight
        return (loss, outcome.outputs) if return_outputs else loss

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[dict[str, Any]], Any]:
        """Fetch the micro-batches of a step, and note how much each must weigh for every example to weigh the same."""
        batches, num_items = super().get_batch_samples(*args, **kwargs)
        sizes = [batch_size(batch) for batch in batches]
        self._step_weights = [size * len(sizes) / sum(sizes) for size in sizes]
        return batches, num_items

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int] | None:
        sampler = super()._get_train_sampler(train_dataset)
        if isinstance(sampler, LengthGroupedSampler):
            seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
            return EpochLengthGroupedSampler(sampler.batch_size, lengths=sampler.lengths, seed=seed)
        return sampler

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the means of the objective's parts since the last log."""
        if "loss" in logs and self._parts:
            names = sorted(self._parts)
            weight = torch.full_like(self._parts[names[0]], self._parts_weight)
            totals = self.accelerator.reduce(
                torch.stack([*(self._parts[name] for name in names), weight]), reduction="sum"
            )
            logs.update(zip(names, (totals[:-1] / totals[-1]).tolist(), strict=True))
            self._parts, self._parts_weight = {}, 0.0
        super().log(logs, start_time)

    def _task_loss(self, model: nn.Module, labels: Mapping[str, Tensor]) -> TaskLoss:
        if self._given_task_loss is not None:
            return self._given_task_loss
        if model.training not in self._task_losses:
            smoothing = self.args.label_smoothing_factor if model.training else 0.0
            weights = self.class_weights if model.training else None
            self._task_losses[model.training] = task_loss_for(
                model, labels, class_weights=weights, label_smoothing=smoothing
            )
        return self._task_losses[model.training]

    def _add_parts(self, parts: dict[str, Tensor], weight: float) -> None:
        # Summed on the device: reading them at every step would wait for it.
        for name, value in parts.items():
            self._parts[name] = self._parts[name] + weight * value if name in self._parts else weight * value
        self._parts_weight += weight

    @staticmethod
    def _controls_dropout(objective: Objective) -> bool:
        return any(variant.power is not None for variant in getattr(objective, "variants", ()))

    def _verify_dropout_once(self, model: nn.Module, inputs: dict[str, Any]) -> None:
        if self._dropout_verified or not self._controls_dropout(self._objective):
            return
        features, _ = split_labels(inputs)
        verify_nested_dropout(model, lambda: torch.cat([value.flatten() for value in logits_of(model(**features))]))
        self._dropout_verified = True


def logits_of(outputs: Any) -> list[Tensor]:
    """Every tensor of logits among a model's outputs."""
    return [value for name, value in outputs.items() if name.endswith("logits")]
