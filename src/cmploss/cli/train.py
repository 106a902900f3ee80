"""Train one model with one objective and write a plain transformers checkpoint with its record."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accelerate import PartialState

from cmploss.cli.console import err, out, progress_bar
from cmploss.cli.run_output import print_run
from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.condition import NO_NOISE, Noise
from cmploss.experiment.run_dir import RECORD_FILE, check_folder, folder_name
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import ModelConfig
from cmploss.objectives.named import ObjectiveConfig, given_settings
from cmploss.options import parse_arguments, whole_numbers
from cmploss.studies import RunConfig, run_one
from cmploss.studies.plan import translation_of
from cmploss.studies.quiet import quiet_libraries
from cmploss.studies.run import check_run, finish
from cmploss.tasks.base import LearningTask
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.loading import load_task
from cmploss.tasks.qa import QuestionConfig
from cmploss.tasks.splits import SELECTION_SPLIT
from cmploss.training.callbacks import StepProgress


@dataclass(frozen=True)
class TrainFlags:
    """Which run.

    Attributes:
        objective: A name as compare --objectives takes it, a sum such as comparative+scl, or module:name.
        few_shot: Size of a stratified training sample drawn with the seed; all examples by default.
        noise: Noise in the training examples; of compare's, one kind.
        back_translation_models: Hub ids or folders of two models joined by a comma, for --noise back_translation:T.
        seed: Seeds the new head, the order of the data, dropout, the sample and the noise.
        dropout_power: Dropout powers at which the trained model is scored too, as in 0,1,2,3; measures, loss and
            violation rate of its submodels.
    """

    objective: str = "comparative"
    few_shot: int | None = None
    noise: str = NO_NOISE
    back_translation_models: str | None = None
    seed: int = 0
    dropout_power: str | None = None


USAGE = "[FILE.yaml] --task NAME | --train_file FILE [--option value …]"
SECTIONS = (DataConfig, ModelConfig, QuestionConfig, ObjectiveConfig, TrainFlags)
TRAINING = True


def run(argv: Sequence[str]) -> None:
    """Parse, check, train, save and print."""
    quiet_libraries()
    options = parse_arguments(argv, SECTIONS, training=True)
    flags = options[TrainFlags]
    shared = given_settings(options[ObjectiveConfig])
    spec = ObjectiveSpec.parse(flags.objective, shared)
    task = load_task(options)
    folder = Path(options.take("output_dir") or f"runs/{task.name}-{folder_name(spec.name)}-{flags.seed}")
    config = RunConfig(
        spec,
        flags.seed,
        dropout_p=shared.get("dropout_p"),
        model_config=options[ModelConfig],
        few_shot=flags.few_shot,
        noise=Noise.parse(flags.noise),
        translation=translation_of(flags.back_translation_models, folder.parent),
        powers=whole_numbers("dropout_power", flags.dropout_power, least=0),
        training=options.training,
    )
    check_folder(folder, config.settings(task))
    if (folder / RECORD_FILE).exists():
        out.print(f"{folder} holds this run already, finished")
        _print(read_record(folder / RECORD_FILE), folder, task)
        return
    check_run(config, task)
    for note in task.notes:
        err.print(f"note: {note}")
    with progress_bar() as bar:
        steps = bar.add_task(f"{spec.name} seed {flags.seed}", total=config.steps(task.examples(config.sample)))
        callback = StepProgress(lambda count: bar.advance(steps, count))
        selected_on = SELECTION_SPLIT if options.training.get("load_best_model_at_end") else None
        finished = run_one(config, task, folder, selected_on=selected_on, callbacks=[callback])
    PartialState().destroy_process_group()  # a process that ends within a group may be aborted
    if not PartialState().is_main_process:
        return
    task.save(finished.model, folder, finished.record)
    finish(config, finished.record, folder)
    _print(finished.record, folder, task)


def _print(record: RunRecord, folder: Path, task: LearningTask) -> None:
    print_run(record)
    out.print(f"checkpoint {folder}   loads with {task.model_class}")
