"""The conditions and runs of a study, from its options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, fingerprint, read_record
from cmploss.experiment.condition import Condition, Noise
from cmploss.experiment.run_dir import KEPT_FILE, MODEL_FOLDER, RECORD_FILE, folder_name
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import DEFAULT_MODEL, ModelConfig
from cmploss.options import whole_numbers
from cmploss.studies.run_config import RunConfig, Start
from cmploss.studies.run_tasks import RunTasks
from cmploss.studies.study_config import RayResources, Shard, StudyConfig
from cmploss.tasks.base import LearningTask, Sample
from cmploss.tasks.folds import Folds
from cmploss.tasks.text.noise.back_translation import BackTranslation
from cmploss.training_options import processes

CACHE_FOLDER = "back_translation"  # next to the studies, which share it


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study and its folder."""

    config: RunConfig
    folder: Path
    condition: Condition  # of all runs that it is compared with
    place: int  # in the order of the study; of two equally good runs the earlier one is better
    keep: bool = False  # whether its checkpoint is kept if another run is better
    own: bool = True  # whether this command trains it; others train the other shards
    embed: bool = False  # whether the vectors of the test split are kept

    @property
    def finished(self) -> bool:
        return (self.folder / RECORD_FILE).exists()

    @property
    def is_kept(self) -> bool:
        """Whether this command keeps its checkpoint, or an earlier one did."""
        return self.keep or (self.folder / MODEL_FOLDER / KEPT_FILE).exists()


def check_options(config: StudyConfig, base: RunConfig) -> None:
    """Refuse options before data or a model are loaded."""
    if processes() > 1:
        raise UserError("compare starts without torchrun; its option --jobs uses several GPUs, one for each run")
    for name, value in (("seeds", config.seeds), ("jobs", config.jobs)):
        if value < 1:
            raise UserError(f"--{name} must be >= 1, got {value}")
    if not config.margin > 0:
        raise UserError(f"--margin must be > 0, got {config.margin:g}")
    if config.shard is not None:
        Shard.parse(config.shard)
    if config.ray is not None:
        RayResources.parse(config.ray)
    whole_numbers("few_shot", config.few_shot, least=1)
    if config.folds is not None:
        Folds.parse(config.folds)
        for option in ("few_shot", "balanced_test", "search_trials", "init_from_study"):
            if getattr(config, option):
                raise UserError(f"--folds and --{option} exclude each other; leave one out")
    noises = [Noise.parse(word) for word in config.noise.split(",")]
    if len(set(noises)) < len(noises):
        raise UserError(f"--noise {config.noise} has the same noise twice; give each once")
    if config.write_noisy and set(noises) == {Noise()}:
        raise UserError(
            "--write_noisy writes noisy examples, and there is no noise; give --noise, as in --noise label:0.1, or "
            "leave it out"
        )
    whole_numbers("steps", config.steps, least=1)
    for option in ("max_steps", "num_train_epochs") if config.steps is not None else ():
        if option in base.training:
            raise UserError(f"--steps and --{option} exclude each other; leave one out")
    whole_numbers("dropout_power", config.dropout_power, least=0)
    whole_numbers("score_layers", config.score_layers, least=1)
    translation = translation_of(config.back_translation_models, Path(), noises)
    for noise in noises:
        replace(base, noise=noise, translation=translation)


def conditions_of(
    config: StudyConfig, rows: Sequence[RunConfig], tasks: RunTasks, *, open_length: bool = False
) -> tuple[Condition, ...]:
    """The grid: every size with every noise and every training length.

    With ``open_length`` the length is the default for the largest sample. All rows have the same length, and all folds
    the length of the first fold.
    """
    base, task = rows[0], tasks.of(rows[0])
    sizes: Sequence[int | None] = (None,) if config.few_shot is None else parse_sizes(config.few_shot, task)
    noises = [Noise.parse(word) for word in config.noise.split(",")]
    lengths = whole_numbers("steps", config.steps, least=1)
    if not lengths:
        if len(sizes) > 1 and not open_length and base.training.get("max_steps", -1) <= 0:
            raise UserError(
                f"--few_shot {config.few_shot}: epochs of several sizes differ in length; give the training length, "
                "as in --steps 100"
            )
        lengths = (max(base.steps(task.examples(Sample(size))) for size in sizes),)
        for row in rows:
            steps = max(row.steps(tasks.of(row).examples(Sample(size))) for size in sizes)
            if steps != lengths[0] and not open_length:
                raise UserError(
                    f"--vary: {base.objective} takes {lengths[0]} steps and {row.objective} {steps}; give the length "
                    "of all runs, as in --max_steps 100"
                )
    return tuple(Condition(size, noise, steps) for size in sizes for noise in noises for steps in lengths)


def planned_runs(
    config: StudyConfig,
    rows: Sequence[RunConfig],
    conditions: Sequence[Condition],
    folder: Path,
) -> list[PlannedRun]:
    """Every run, seed by seed, so that an unfinished study is balanced."""
    noises = [condition.noise for condition in conditions]
    translation = translation_of(config.back_translation_models, folder.parent, noises)
    runs: list[PlannedRun] = []
    folds = config.plan_of_folds
    fixed = config.steps is not None or folds is not None
    for seed in range(config.blocks):
        for condition in conditions:
            for row in rows:
                run = replace(
                    row,
                    seed=seed,
                    fold=None if folds is None else folds[seed],
                    few_shot=condition.train_size,
                    noise=condition.noise,
                    translation=translation,
                    study=folder,
                    powers=whole_numbers("dropout_power", config.dropout_power, least=0),
                    depths=whole_numbers("score_layers", config.score_layers, least=1)[::-1],
                    training={**row.training, "max_steps": condition.steps} if fixed else row.training,
                )
                of_row = condition_folder(folder, condition, conditions) / folder_name(run.objective)
                where = of_row / f"{config.block}-{seed}"
                embed = config.embeddings and seed == 0
                runs.append(PlannedRun(run, where, condition, len(runs), config.keep_checkpoints, embed=embed))
    return runs if config.of_shard is None else _shared(runs, config.of_shard)


def _shared(runs: list[PlannedRun], shard: Shard) -> list[PlannedRun]:
    """Every n-th run in the order of their cost belongs to a shard, so that shards take about equally long."""
    by_cost = sorted(runs, key=lambda run: -run.config.passes * (run.condition.steps or 0))
    own = {run.place for run in by_cost[shard.number - 1 :: shard.count]} if shard.number else set()
    return [replace(run, own=run.place in own) for run in runs]


def condition_folder(folder: Path, condition: Condition, conditions: Sequence[Condition]) -> Path:
    """The folder of the study if it has one condition, else a folder named after the condition.

    >>> conditions = Condition(20, Noise("label", 0.2), 100), Condition(20, Noise(), 100)
    >>> condition_folder(Path("runs"), conditions[0], conditions).as_posix()
    'runs/few_shot-20_noise-label-0.2_steps-100'
    """
    if len(conditions) == 1:
        return folder
    return folder / "_".join([*sample_words(condition.train_size, condition.noise), f"steps-{condition.steps}"])


def sample_words(size: int | None, noise: Noise) -> list[str]:
    """The size and the noise of a training sample in file names, without defaults."""
    words = [] if size is None else [f"few_shot-{size}"]
    return words if noise == Noise() else [*words, f"noise-{str(noise).replace(':', '-')}"]


def translation_of(models: str | None, folder: Path, noises: Sequence[Noise]) -> BackTranslation | None:
    """The two models of back-translation; translations are cached in a folder of ``folder``."""
    if models is not None and all(noise.kind != "back_translation" for noise in noises):
        raise UserError("--back_translation_models is for --noise back_translation:T; give this noise, or leave it out")
    if models is None:
        return None
    names = [name.strip() for name in models.split(",")]
    if len(names) != 2 or not all(names):
        raise UserError(f"--back_translation_models must be two models joined by a comma, there and back; got {models}")
    return BackTranslation(names[0], names[1], folder / CACHE_FOLDER)


def parse_sizes(text: str, task: LearningTask) -> tuple[int, ...]:
    """Read the sizes of training samples, as in ``20,100,1000``, and check them against the task."""
    sizes = whole_numbers("few_shot", text, least=1)
    least, most = max(len(task.label_names), 1), task.sizes["train"]
    for size in sizes:
        if not least <= size <= most:
            classes = f" of {len(task.label_names)} classes" if task.label_names else ""
            raise UserError(
                f"--few_shot {size} is out of range: the training split of {task.name} has {most} examples{classes}; "
                f"choose from {least} to {most}"
            )
    return sizes


def continued(config: RunConfig, earlier: Path) -> RunConfig:
    """The run that starts from the checkpoint of the same objective and seed in an earlier study."""
    folder = earlier / folder_name(config.spec.name) / f"seed-{config.seed}"
    if not (folder / RECORD_FILE).exists():
        raise UserError(
            f"--init_from_study {earlier}: no finished run of {config.objective}, seed {config.seed} ({folder}); give "
            "the folder of a study, or of one condition of it, that has every objective and seed"
        )
    checkpoint = folder / MODEL_FOLDER
    if not checkpoint.is_dir():
        raise UserError(
            f"--init_from_study {earlier}: the checkpoint of {folder} was not kept; remove its {RECORD_FILE} and run "
            "that study again with --keep_checkpoints true"
        )
    record = read_record(folder / RECORD_FILE)
    model = record.settings.get("model")
    if model is None:
        raise UserError(f"--init_from_study {earlier}: {folder / RECORD_FILE} names no model; train that run again")
    if config.model_config.model not in (DEFAULT_MODEL, model):
        raise UserError(f"--init_from_study {earlier}: its runs have the model {model}; leave --model out")
    pooling = record.settings.get("pooling", "head")
    if config.model_config.pooling not in ("auto", pooling):
        raise UserError(f"--init_from_study {earlier}: its runs have --pooling {pooling}; leave --pooling out")
    return replace(
        config,
        model_config=replace(config.model_config, model=model, pooling=pooling),
        start=Start(checkpoint, _facts(record)),
    )


def model_of_study(config: ModelConfig, earlier: Path, objective: ObjectiveSpec) -> ModelConfig:
    """The model that the runs of an earlier study were trained from."""
    return continued(RunConfig(objective, model_config=config), earlier).model_config


def _facts(record: RunRecord) -> Mapping[str, str | int]:
    return {"task": record.benchmark.task, "steps": int(record.cost["steps"]), "run": fingerprint(record.settings)}
