"""``transformers.Trainer`` with an objective."""

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer
from transformers.trainer_pt_utils import BatchRebalanceSampler, LengthGroupedSampler

from cmploss.ablation.depths import verify_depths
from cmploss.ablation.dropout import verify_nested_dropout
from cmploss.ablation.exit_heads import check_exit_heads
from cmploss.ablation.sites import is_compiled
from cmploss.ablation.variants import own_head_depths
from cmploss.cpu import FastLinear
from cmploss.engine.engines import check_compiled
from cmploss.engine.output_tree import after_loss, logits_of
from cmploss.errors import NotFiniteError
from cmploss.finite import REMEDY
from cmploss.objectives import Objective, TaskLoss, task_loss_for, views_of
from cmploss.objectives.task_loss import LABEL_KEYS, checked_losses, split_batch
from cmploss.objectives.views import VALID, apply_mask, batch_size, mean_or_zero, num_valid
from cmploss.training.callbacks import EpochOfData, FiniteWeights, KeepFreedMemory, SkipNotFinite
from cmploss.training.rows import RowSteps, row_embedding, row_gradients
from cmploss.training.sampler import ClassPairSampler, EpochLengthGroupedSampler, class_ids, lengths_of, seeded

MOST_NAMED = 16
"""Examples named in a message."""


class ObjectiveTrainer(Trainer):
    """A ``transformers.Trainer`` that minimises an objective.

    Training runs the objective's passes and logs its losses; evaluation and prediction run one plain pass and report
    the plain task loss, of the full view where batches have several. Gradient accumulation and several processes give
    the gradient of one big batch: every valid example has the same weight. ``set_epoch`` of a training dataset is
    called in every epoch; a dataset with ``lengths`` can be grouped by length. The order of the data depends only on
    seed and epoch, and differs between seeds. On a CPU, training keeps freed memory for the next step.
    ``label_smoothing_factor`` smooths the task loss in training. Everything else is as in ``Trainer``.

    Args:
        objective: What to minimise, as in ``Comparative(CmpDrop(1))``.
        task_loss: (outputs, labels) -> one loss per example; by default found from the model and the labels.
        class_weights: ``(classes,)`` for the default single-label task loss in training.
        skip_nonfinite: Leave out steps whose loss or gradient is not finite, and count them in ``skipped_steps``.
        class_pairs: Sample batches so that each class in a batch has at least two examples, where possible; overrides
            ``train_sampling_strategy``.
        *args: As for ``Trainer``.
        **kwargs: As for ``Trainer``.

    Raises:
        ValueError: For ``compute_loss_func`` (an objective needs several passes: give ``task_loss``), for label
            smoothing or class weights together with ``task_loss``, for NEFTune with an objective that controls dropout,
            for ``torch_compile`` with an objective that needs the same dropout masks twice, for several devices in one
            process.
        NotFiniteError: When a loss or gradient norm that is not finite is logged, and for such weights at the end. With
            fp16, whose loss is scaled, gradient norms may be infinite.
        RuntimeError: At the first step, if nested dropout does not control the model's dropout or has no effect, or if
            a submodel with fewer layers cannot be computed from the layers of the model.

    Examples:
        >>> trainer = ObjectiveTrainer(model=model, args=args, train_dataset=train, objective=Comparative(CmpDrop(1)))
        ... # doctest: +SKIP
    """

    # The objective returns a mean over the batch, so the Trainer must divide it by the accumulation steps.
    loss_is_scaled_for_ga = False

    def __init__(
        self,
        *args: Any,
        objective: Objective,
        task_loss: TaskLoss | None = None,
        class_weights: Tensor | None = None,
        class_pairs: bool = False,
        skip_nonfinite: bool = False,
        **kwargs: Any,
    ):
        if isinstance(objective, type) or not callable(objective):
            raise ValueError(f"objective must be an object, as in Comparative(CmpDrop(1)), got {objective!r}")
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = False
        self.label_names = self.label_names or ["labels"]  # the model of a given task loss need not take them
        if self.compute_loss_func is not None:
            raise ValueError("compute_loss_func gets only one pass; give task_loss=, the loss of each example")
        if task_loss is not None and (class_weights is not None or self.args.label_smoothing_factor):
            raise ValueError("label_smoothing_factor and class_weights change the default task loss; drop task_loss=")
        if self.args.neftune_noise_alpha and self._controls_dropout(objective):
            raise ValueError("neftune_noise_alpha would add noise to the dropout-free pass; use it with Supervised()")
        if self.args.n_gpu > 1:
            raise ValueError(
                f"{self.args.n_gpu} GPUs need one process each: start with torchrun or accelerate launch, or give one "
                "with CUDA_VISIBLE_DEVICES"
            )
        if self.args.torch_compile:
            check_compiled(getattr(objective, "variants", ()), getattr(objective, "engine", "auto"))
        adamw = self.args.optim in ("adamw_torch", "adamw_torch_fused") and self.args.device.type == "cpu"
        given = self.optimizer is not None or self.optimizer_cls_and_kwargs is not None
        dense = given or self.args.fp16 or self.args.fsdp or self.args.deepspeed or self.args.torch_compile
        self._steps_by_rows = adamw and not dense
        self._objective = objective
        self.class_weights, self.class_pairs = class_weights, class_pairs
        self._skip: SkipNotFinite | None = SkipNotFinite(self.accelerator) if skip_nonfinite else None
        self._given_task_loss = task_loss
        self._task_losses: dict[bool, TaskLoss] = {}
        self._step_weights: list[float] = []
        self._logs: dict[str, tuple[Tensor, float]] = {}  # weighted sum, sum of the weights
        self._verified = False
        self._not_finite_since: Tensor | int = 0  # the step of the first loss that is not finite
        self.args.logging_nan_inf_filter = False  # it would log the mean of earlier losses in place of nan
        callbacks: list[Any] = [EpochOfData, KeepFreedMemory, FiniteWeights]
        for callback in callbacks if self._skip is None else [self._skip, *callbacks]:
            self.add_callback(callback)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        self._signature_columns: Any = list({*(self._signature_columns or ()), *LABEL_KEYS})

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train; the gradient of word embeddings is sparse meanwhile, where that changes only the time."""
        embedding = row_embedding(self.model) if self._steps_by_rows else None
        with nullcontext() if embedding is None else row_gradients(embedding, self.accelerator):
            return super().train(*args, **kwargs)

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """The optimizer of the arguments, which can step with sparse gradients if it is AdamW on a CPU."""
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(*args, **kwargs)
        if is_new and self._steps_by_rows:
            RowSteps(optimizer)
        return optimizer

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The objective in training, the plain task loss of one pass in evaluation."""
        features, labels = split_batch(model, views_of(inputs)[0])
        if not model.training:
            outputs = model(**features)
            losses = checked_losses(self._task_loss(model, labels)(outputs, labels), labels)
            loss = mean_or_zero(apply_mask(losses, labels))
            return (loss, after_loss(outputs)) if return_outputs else loss
        self._verify_submodels_once(model, features)
        output = self._objective(model, inputs, self._task_loss(model, labels))
        weight = self._step_weights.pop(0) if self._step_weights else 1.0
        loss = output.loss * weight
        if self._skip is not None and not loss.isfinite():
            self._skip.bad = True
            return (loss, output.outputs) if return_outputs else loss
        self._add_logs(output.logs if self._skip is None else {**output.logs, "loss": output.loss.detach()}, weight)
        finite = loss.detach().isfinite() | (self._not_finite_since > 0)  # on the device, as the logs
        self._not_finite_since = torch.where(finite, self._not_finite_since, self.state.global_step + 1)
        return (loss, output.outputs) if return_outputs else loss

    def prediction_step(self, model: nn.Module, inputs: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Predict on the full view of a batch."""
        with FastLinear():
            return super().prediction_step(model, dict(views_of(inputs)[0]), *args, **kwargs)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[dict[str, Any]], Any]:
        """Fetch the micro-batches of a step and compute their weights, so that every example has the same weight."""
        batches, num_items = super().get_batch_samples(*args, **kwargs)
        for batch in batches:
            own = self._own_examples(batch) if batch is batches[-1] else None
            if VALID in batch:
                batch[VALID] = batch[VALID].bool()  # it may be 0 and 1
                valid = batch[VALID] if own is None else batch[VALID][own]
                self._add_logs({"ignored_fraction": (~valid).float().sum() / max(len(valid), 1)}, len(valid))
            if own is not None:
                batch[VALID] = own & batch.get(VALID, True)
        sizes = [num_valid(batch) for batch in batches]
        # Processes may have different numbers of valid examples, and their gradients are averaged.
        total = self.accelerator.reduce(torch.tensor(float(sum(sizes)), device=self.args.device), reduction="mean")
        self._step_weights = [size * len(sizes) / (total.item() or 1.0) for size in sizes]
        return batches, num_items

    def _own_examples(self, batch: Mapping[str, Any]) -> Tensor | None:
        """Examples ``(batch,)`` that are no repetition; None for all.

        So that all processes have equally large batches, accelerate completes the last ones of an epoch with examples
        of its start. Rank by rank, the first ``remainder`` examples are the real ones.
        """
        data = self.accelerator.gradient_state
        if self.args.world_size == 1 or not data.end_of_dataloader or data.remainder <= 0:
            return None
        size = batch_size(batch)
        numbers: Tensor = torch.arange(size, device=self.args.device) + self.args.process_index * size
        return numbers.lt(data.remainder)

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int] | None:
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        if self.class_pairs:
            return ClassPairSampler(self.args.train_batch_size, classes=class_ids(dataset), seed=seed)
        lengths = getattr(dataset, "lengths", None)  # the parent finds none where an example is a list of views
        if lengths is not None and self.args.train_sampling_strategy == "group_by_length":
            size = self.args.train_batch_size * self.args.gradient_accumulation_steps
            return EpochLengthGroupedSampler(size, lengths=lengths, seed=seed)
        sampler: torch.utils.data.Sampler[int] | None = super()._get_train_sampler(train_dataset)
        return seeded(sampler, dataset, seed)

    def _get_eval_sampler(self, eval_dataset: Any) -> torch.utils.data.Sampler[int] | None:
        lengths = getattr(eval_dataset, "lengths", None)  # as in training
        if lengths is not None and self.args.train_sampling_strategy == "group_by_length":
            return EpochLengthGroupedSampler(len(lengths), lengths=lengths, seed=self.args.seed)
        sampler = super()._get_eval_sampler(eval_dataset)
        if not isinstance(sampler, LengthGroupedSampler):
            return sampler
        # The parent sorts within groups of batches, in small data within each batch; here all data are one group.
        lengths = lengths_of(eval_dataset, sampler)
        return EpochLengthGroupedSampler(len(lengths), lengths=lengths, seed=self.args.seed)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the means of the objective's logs since the last log."""
        if "loss" in logs and self._logs:
            names = sorted(self._logs)
            sums = torch.stack([self._logs[name][0] for name in names])
            weights = sums.new_tensor([self._logs[name][1] for name in names])
            totals = self.accelerator.reduce(torch.stack([sums, weights], dim=1), reduction="sum")
            pairs = zip(names, totals.tolist(), strict=True)
            logs.update({name: total / weight for name, (total, weight) in pairs if weight})
            self._logs = {}
        if self._skip is not None and "loss" in logs:  # the mean over the other steps is among the objective's logs
            logs |= {"skipped_steps": self._skip.take()}
            logs = {name: value for name, value in logs.items() if math.isfinite(value)}
        else:
            self._check_finite(logs)
        super().log(logs, start_time)

    @property
    def skipped_steps(self) -> int:
        """Steps that were left out because their loss or gradient was not finite, as logged."""
        return int(sum(entry.get("skipped_steps", 0) for entry in self.state.log_history))

    def _check_finite(self, logs: Mapping[str, float]) -> None:
        step = self.state.global_step
        losses = [name for name in logs if name == "loss" or (name.startswith("eval_") and name.endswith("loss"))]
        for name in losses if self.accelerator.scaler is not None else [*losses, "grad_norm"]:
            if not math.isfinite(logs.get(name, 0.0)):
                step = int(self._not_finite_since) or step if name == "loss" else step
                examples = "" if name.startswith("eval_") else self._examples_of(step)
                raise NotFiniteError(f"{name} is not finite at step {step}{examples}; {REMEDY}")

    def _examples_of(self, step: int) -> str:
        """The training examples of an optimizer step, for a message; "" where their order is unknown."""
        sampler: Any = self._get_train_sampler()
        if not hasattr(sampler, "set_epoch") or isinstance(sampler, BatchRebalanceSampler):  # which makes batches
            return ""
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        epoch, number = divmod(step - 1, math.ceil(len(sampler) / size))
        sampler.set_epoch(epoch)
        examples = list(sampler)[number * size : (number + 1) * size]
        return f" (training examples {', '.join(map(str, examples[:MOST_NAMED]))}{' …' * (len(examples) > MOST_NAMED)})"

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

    def _add_logs(self, logs: dict[str, Tensor], weight: float) -> None:
        # Summed on the device: reading them at every step would make it wait.
        for name, value in logs.items():
            total, weights = self._logs.get(name, (0.0, 0.0))
            self._logs[name] = (total + weight * value, weights + weight)

    @staticmethod
    def _controls_dropout(objective: Objective) -> bool:
        return any(variant.power is not None for variant in getattr(objective, "variants", ()))

    def _verify_submodels_once(self, model: nn.Module, features: dict[str, Any]) -> None:
        if self._verified:
            return
        variants = getattr(self._objective, "variants", ())
        ablating = [variant for variant in variants if variant.power]
        power, p = (ablating[0].power, ablating[0].p) if ablating else (0, None)

        def logits() -> Tensor:
            return torch.cat([value.flatten() for value in logits_of(model(**features))])

        if self._controls_dropout(self._objective):
            # Without compiling graphs for the rates of the check.
            with torch.compiler.set_stance("force_eager") if is_compiled(model) else nullcontext():
                verify_nested_dropout(model, logits, power=power, p=p)
        check_exit_heads(model, own_head_depths(self._objective))
        if depths := sorted({variant.layers for variant in variants if variant.layers}, reverse=True):
            verify_depths(model, depths, logits)
        self._verified = True
