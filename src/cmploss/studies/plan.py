"""The cells and runs of a study, from its options."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cmploss.errors import UserError
from cmploss.experiment.condition import Condition, Noise
from cmploss.experiment.run_dir import RECORD_FILE, folder_name
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.options import whole_numbers
from cmploss.studies.few_shot import parse_sizes
from cmploss.studies.run_config import RunConfig
from cmploss.studies.study_config import StudyConfig, StudyTools
from cmploss.tasks.base import LearningTask, Sample
from cmploss.tasks.text.noise import BackTranslation

CACHE_FOLDER = "back_translation"  # beside the studies, which share what was translated


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study and its folder.

    Attributes:
        config: The run.
        folder: Where its record goes.
        cell: What it shares with the runs that it is compared with.
        place: In the order of the study; of two equally good runs the earlier one is the better.
        keep: Whether its checkpoint is kept even if it is not the best.
        embed: Whether the vectors of the test part are kept.
    """

    config: RunConfig
    folder: Path
    cell: Condition
    place: int
    keep: bool = False
    embed: bool = False

    @property
    def finished(self) -> bool:
        """Whether its record is there."""
        return (self.folder / RECORD_FILE).exists()


def cells_of(config: StudyConfig, base: RunConfig, task: LearningTask) -> tuple[Condition, ...]:
    """The grid: every size with every noise and every training length.

    Raises:
        UserError: A size, noise or length is faulty, or the length of several sizes is not said in steps.
    """
    sizes: Sequence[int | None] = (None,) if config.few_shot is None else parse_sizes(config.few_shot, task)
    noises = [Noise.parse(word) for word in config.noise.split(",")]
    if len(set(noises)) < len(noises):
        raise UserError(f"--noise {config.noise} names one twice; name each once")
    if config.steps is None:
        if len(sizes) > 1 and base.training.get("max_steps", -1) <= 0:
            raise UserError(
                f"--few_shot {config.few_shot}: epochs of several sizes differ in length; say how long to train, as in "
                "--steps 100"
            )
        lengths = [base.steps(task.examples(Sample(sizes[0])))]
    else:
        for option in ("max_steps", "num_train_epochs"):
            if option in base.training:
                raise UserError(f"--steps and --{option} exclude each other; leave one out")
        lengths = list(whole_numbers("steps", config.steps, least=1))
    return tuple(Condition(size, noise, steps) for size in sizes for noise in noises for steps in lengths)


def planned_runs(
    config: StudyConfig,
    specs: Sequence[ObjectiveSpec],
    tools: StudyTools,
    base: RunConfig,
    cells: Sequence[Condition],
    folder: Path,
) -> list[PlannedRun]:
    """Every run. All objectives and cells of one seed come before the next seed: an unfinished study is balanced.

    Raises:
        UserError: For a number of seeds that is out of range, translation models that are no pair, dropout powers
            that are no numbers, or noisy examples to be written where no cell has noise.
    """
    if config.seeds < 1:
        raise UserError(f"--seeds {config.seeds} is no number of seeds; give a whole number from 1")
    if tools.write_noisy and all(cell.noise == Noise() for cell in cells):
        raise UserError(
            "--write_noisy writes noisy examples, and there is no noise; give --noise, as in --noise label:0.1, or "
            "leave it out"
        )
    translation = translation_of(tools.back_translation_models, folder.parent)
    powers = whole_numbers("dropout_power", tools.dropout_power, least=0)
    runs: list[PlannedRun] = []
    for seed in range(config.seeds):
        for cell in cells:
            training = base.training if config.steps is None else {**base.training, "max_steps": cell.steps}
            for spec in specs:
                run = replace(
                    base,
                    spec=spec,
                    seed=seed,
                    few_shot=cell.train_size,
                    noise=cell.noise,
                    translation=translation,
                    powers=powers,
                    training=training,
                )
                where = cell_folder(folder, cell, cells) / folder_name(spec.name) / f"seed-{seed}"
                embed = tools.embeddings and seed == 0
                runs.append(PlannedRun(run, where, cell, len(runs), tools.keep_checkpoints, embed))
    return runs


def cell_folder(folder: Path, cell: Condition, cells: Sequence[Condition]) -> Path:
    """The folder of a cell: that of the study if there is one cell alone, else one that is named after the cell.

    >>> cells = Condition(20, Noise("label", 0.2), 100), Condition(20, Noise(), 100)
    >>> cell_folder(Path("runs"), cells[0], cells).as_posix()
    'runs/few_shot-20_noise-label-0.2_steps-100'
    """
    if len(cells) == 1:
        return folder
    size = [] if cell.train_size is None else [f"few_shot-{cell.train_size}"]
    noise = [] if cell.noise == Noise() else [f"noise-{str(cell.noise).replace(':', '-')}"]
    return folder / "_".join([*size, *noise, f"steps-{cell.steps}"])


def translation_of(models: str | None, folder: Path) -> BackTranslation | None:
    """The two models of back-translation; what they say is kept in a folder below ``folder``.

    Raises:
        UserError: There are not two.
    """
    if models is None:
        return None
    names = [name.strip() for name in models.split(",")]
    if len(names) != 2 or not all(names):
        raise UserError(
            f"--back_translation_models {models} is no pair; name the model that translates to another language and "
            "the one that translates back, joined by a comma"
        )
    return BackTranslation(names[0], names[1], folder / CACHE_FOLDER)
