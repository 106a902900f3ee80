"""The settings that determine the result of a run, and the defaults of training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmploss.errors import UserError
from cmploss.experiment.condition import NO_NOISE, Noise, Unit
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.experiment.trackers import Tracking, trackers_of, tracking_of
from cmploss.model_config import ModelConfig
from cmploss.options import check_seed
from cmploss.tasks.base import LearningTask, Sample
from cmploss.tasks.folds import Fold
from cmploss.tasks.text.noise.back_translation import BackTranslation
from cmploss.training_options import OWN_OPTIONS, TRAINING_DEFAULTS, check_training, processes

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from cmploss.ablation.variants import Variant
    from cmploss.tasks.ablation_curve import Submodels

DEFAULT_EPOCHS = 3  # transformers' own
SELECTION: Mapping[str, Any] = {
    "eval_strategy": "steps",
    "eval_steps": 0.2,  # shares of all steps
    "save_strategy": "steps",
    "save_steps": 0.2,
    "save_total_limit": 1,
    "load_best_model_at_end": True,
}
LEAST_STEPS = 100  # ours: after three epochs of a few dozen examples, models have hardly been trained


@dataclass(frozen=True)
class Start:
    """The finished run that another one continues from."""

    checkpoint: Path
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class RunConfig:
    """All settings, except the data, that determine the result of one run.

    Attributes:
        spec: The objective and its settings.
        seed: Seed of the new head, the order of the data, dropout and the few-shot sample.
        model_config: Pretrained model; how much of a text it reads is a setting of the task.
        fold: The fold of the examples; None for the splits of the task.
        few_shot: Size of a stratified training sample drawn with the seed; all examples by default.
        noise: Noise in the training examples, drawn with the seed.
        translation: The models for noise by back-translation.
        start: The finished run to start from; by default the pretrained model.
        search: How the settings were found, for the record; {} without a search.
        length: How the number of steps was found; {} where it was given. Runs whose length was found are evaluated five
            times on the validation split, and keep the checkpoint with the best measure there.
        powers: Dropout powers of the submodels that are scored too, once the run is trained; none by default.
        depths: Numbers of layers of the submodels that are scored too.
        dropout_p: Base rate of the dropout of these submodels; by default each site's own.
        skip_nonfinite: Whether steps with a loss or gradient that is not finite are left out; else they end the run.
        study: The folder of its study, by which trackers name and group runs; None for a run by itself.
        training: Fields of ``transformers.TrainingArguments``. Without ``max_steps`` and ``num_train_epochs`` a run
            has 3 epochs, but at least 100 steps.

    Raises:
        UserError: For a number of steps, epochs or examples that is not positive, or models that are missing.
    """

    spec: ObjectiveSpec
    seed: int = 0
    model_config: ModelConfig = field(default_factory=ModelConfig)
    fold: Fold | None = None
    few_shot: int | None = None
    noise: Noise = field(default_factory=Noise)
    translation: BackTranslation | None = None
    start: Start | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    length: Mapping[str, Any] = field(default_factory=dict)
    powers: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    dropout_p: float | None = None
    skip_nonfinite: bool = False
    study: Path | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_seed("seed", self.seed)
        check_seed("data_seed", self.training.get("data_seed") or 0)
        trackers_of(self.training.get("report_to"))
        check_training(self.training)
        if self.noise.kind == "back_translation" and self.translation is None:
            raise UserError(f"--noise {self.noise} needs --back_translation_models, one there and one back")

    @property
    def objective(self) -> str:
        """The name of the row: the objective, and the settings that the study varies."""
        return self.spec.row

    @property
    def teacher(self) -> str | None:
        """The model that the objective learns from."""
        return self.spec.settings["teacher"] if "distill" in self.spec.kind.split("+") else None

    @property
    def patience(self) -> int | None:
        """Evaluations without a better measure after which training stops; None if it does not."""
        return self.training.get("early_stopping_patience")

    @property
    def unit(self) -> Unit:
        """The unit of pairing."""
        return "seed" if self.fold is None else "fold"

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The plan of the objective; () if it has none."""
        return tuple(getattr(self.spec.build(), "variants", ()))

    @property
    def passes(self) -> int:
        """Forward passes of one training step."""
        from cmploss.ablation.variants import forward_passes

        return len(forward_passes(self.variants)) or 1

    @property
    def crops(self) -> int:
        """Cropped views that the objective compares."""
        return max((variant.view for variant in self.variants), default=0)

    @property
    def sample(self) -> Sample:
        """The training sample."""
        return Sample(self.few_shot, self.seed, self.noise, self.translation, self.spec.without_evidence)

    @property
    def submodels(self) -> Submodels:
        """The submodels that are scored too; all objectives of a seed share the masks and the base rate."""
        from cmploss.tasks.ablation_curve import Submodels

        return Submodels(self.powers, self.seed, self.dropout_p, self.depths)

    def settings(self, task: LearningTask) -> dict[str, Any]:
        """All settings in JSON types; two runs with equal settings have equal results on one machine."""
        from cmploss.model_identity import model_identity

        steps = self.steps(task.examples(self.sample))
        models = self.translation if self.noise.kind == "back_translation" else None
        optional = {  # left out if not given, so that runs of earlier versions keep their identity
            "folds": str(self.fold.plan) if self.fold else None,
            "noise": asdict(self.noise) if self.noise.kind != NO_NOISE else None,
            "back_translation_models": [models.forward, models.backward] if models else None,
            "then": self.start.facts if self.start else None,
            "search": dict(self.search),
            "length": dict(self.length),
            "freeze": self.model_config.freeze,
            "lora": None if self.model_config.adapter is None else str(self.model_config.adapter),
            "dropout_power": ",".join(map(str, self.powers)),
            "score_layers": ",".join(map(str, self.depths)),
            "num_layers": self.model_config.num_layers,
            "skip_nonfinite": self.skip_nonfinite,
            "dropout_p": self.submodels.p if self.powers else None,
            "model_files": model_identity(task.model),
            "processes": processes() if processes() > 1 else None,
            "teacher_files": model_identity(self.teacher) if self.teacher else None,
        }
        return {
            "task": task.name,
            "data": dict(task.fingerprints()),
            "objective": self.spec.to_dict(),
            "seed": self.seed,
            "few_shot": self.few_shot,
            **{name: value for name, value in optional.items() if value},
            "model": task.model,
            **task.settings,
            "reinit_layers": self.model_config.reinit_layers,
            "training": {**self.with_defaults(task.measures[0]), "max_steps": steps},
        }

    def tracking(self, folder: Path) -> Tracking:
        """How trackers call the run in this folder."""
        return tracking_of(self.training, folder, self.study)

    def with_defaults(self, measure: str = "loss") -> dict[str, Any]:
        """The training options; ``measure`` chooses the checkpoint of a run that keeps its best one by itself."""
        selecting: dict[str, Any] = {}
        if self.length or self.patience:
            by = (self.training.get("metric_for_best_model") or measure).removeprefix("eval_")
            selecting = {**SELECTION, "metric_for_best_model": measure, "greater_is_better": by != "loss"}
            for name in ("strategy", "steps"):  # what is saved is what was evaluated
                selecting[f"save_{name}"] = self.training.get(f"eval_{name}", selecting[f"save_{name}"])
        return {**TRAINING_DEFAULTS, **selecting, **self.training}

    @property
    def _selects(self) -> str:
        """Why an option of evaluations or checkpoints may conflict with others that were not given."""
        given = [f"--{name}" for name in SELECTION if name in self.training]
        if not given or not self.length or "load_best_model_at_end" in self.training:
            return ""
        words = "; pilot runs choose the length, and every run keeps its best checkpoint"
        return f"{words}: leave out {', '.join(given)}, or give --max_steps"

    def steps(self, examples: int) -> int:
        """Optimizer steps of the run on that many training examples."""
        arguments = {**TRAINING_DEFAULTS, **self.training}
        if arguments.get("max_steps", -1) > 0:
            return int(arguments["max_steps"])
        accumulate = int(arguments.get("gradient_accumulation_steps", 1))
        batches = math.ceil(examples / (int(arguments["per_device_train_batch_size"]) * processes()))
        per_epoch = math.ceil(batches / accumulate)
        if "num_train_epochs" in arguments:
            return math.ceil(per_epoch * float(arguments["num_train_epochs"]))
        return max(DEFAULT_EPOCHS * per_epoch, LEAST_STEPS)

    def arguments(self, folder: Path, steps: int, measure: str = "loss") -> TrainingArguments:
        """The Trainer's arguments for a run of that many steps; ``measure`` chooses its checkpoint, if it has one.

        Raises:
            UserError: If transformers refuses them.
        """
        from transformers import TrainingArguments
        from transformers.integrations.integration_utils import get_reporting_integration_callbacks
        from transformers.training_args import ParallelMode

        from cmploss.devices import choose_device

        tracking = self.tracking(folder)
        fixed: dict[str, Any] = {"output_dir": str(folder), "seed": self.seed, "max_steps": steps}
        fixed |= {"report_to": tracking.names, "run_name": tracking.run}
        if tracking.group is not None:
            fixed["project"] = self.training.get("project", tracking.group)
        if processes() == 1 and self.training.get("ddp_backend"):
            raise UserError("--ddp_backend is for several processes; start with torchrun, or leave it out")
        if processes() == 1 and choose_device().type == "cpu":
            fixed["use_cpu"] = True
        try:
            given = {name: value for name, value in self.with_defaults(measure).items() if name not in OWN_OPTIONS}
            restored = {"restore_callback_states_from_checkpoint": True}  # that of early stopping
            arguments = TrainingArguments(**{**restored, **given, **fixed})
        except (ValueError, TypeError, ImportError) as error:
            raise UserError(f"training options: {' '.join(str(error).split())}{self._selects}") from error
        try:
            get_reporting_integration_callbacks(arguments.report_to)
        except ValueError as error:
            raise UserError(f"--report_to: {error}") from error
        if arguments.n_gpu > 1:  # the Trainer would divide batches over them by nn.DataParallel
            arguments._n_gpu = 1
        if processes() > 1 and arguments.parallel_mode is not ParallelMode.DISTRIBUTED:  # each would train by itself
            raise UserError(
                f"{processes()} processes were started, but training would not be distributed over them; "
                "on CPUs add --use_cpu true --ddp_backend gloo"
            )
        if arguments.fp16 and arguments.device.type == "cpu":
            raise UserError("--fp16 needs a GPU; on a CPU give --fp16 false, or --bf16 true")
        if isinstance(arguments.lr_scheduler_kwargs, str):
            text = arguments.lr_scheduler_kwargs
            raise UserError(f'--lr_scheduler_kwargs {text} is not a JSON object; write one, as in {{"power":2}}')
        if arguments.max_grad_norm < 0:
            raise UserError(f"--max_grad_norm {arguments.max_grad_norm} is out of range; give a number from 0")
        if arguments.load_best_model_at_end and arguments.eval_strategy == "no":  # the Trainer would ignore it
            raise UserError(
                "--load_best_model_at_end needs --eval_strategy and --save_strategy, both steps or epoch"
                + self._selects
            )
        if self.patience and not arguments.load_best_model_at_end:
            raise UserError("--early_stopping_patience keeps the best checkpoint; leave --load_best_model_at_end out")
        return arguments
