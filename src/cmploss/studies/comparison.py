"""The main job as a function."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment.spec import parse_objectives
from cmploss.model_config import ModelConfig
from cmploss.objectives.named import ObjectiveConfig, given_settings
from cmploss.options import Options, as_arguments, parse_arguments
from cmploss.studies.run_config import RunConfig
from cmploss.studies.study import Study, run_study
from cmploss.studies.study_config import DEFAULT_OBJECTIVES, StudyConfig, StudyTools
from cmploss.tasks.base import AnyData, load_any
from cmploss.tasks.qa import QuestionConfig
from cmploss.tasks.text import DataConfig, task_data

OBJECT_OPTIONS = ("task", "text_column", "label_column")
SECTIONS = (DataConfig, ModelConfig, QuestionConfig, ObjectiveConfig, StudyConfig, StudyTools)


def compare(
    train: object = None,
    validation: object = None,
    test: object = None,
    *,
    objectives: str | Sequence[Any] | Mapping[str, Any] = DEFAULT_OBJECTIVES,
    **options: Any,
) -> Study:
    """Compare objectives over several seeds on one labelled data set.

    Every run of a seed has the same training examples, the same order, the same initial head and the same steps.

    Args:
        train: A pandas DataFrame, ``datasets.Dataset`` or list of dicts; or give ``train_file=`` or ``task=``.
        validation: The part on which the best run is chosen; split off ``train`` by default.
        test: The part that is reported; split off ``train`` by default.
        objectives: Names as on the command line, or objects of your own (see :class:`cmploss.objectives.Objective`):
            a sequence of these, or a mapping from labels to these, as in
            ``{"supervised": "supervised", "mine": MyObjective()}``. The first is the baseline of the table.
        **options: What the command line takes, under the same names: ``seeds``, ``few_shot``, ``noise``, ``steps``,
            ``jobs``, ``n_drop``, ``target``, ``model``, ``max_length``, ``output_dir`` and every field of
            ``transformers.TrainingArguments``.

    Returns:
        The finished study: ``study.table()`` (of a grid ``study.table(cell)`` for each of ``study.cells``),
        ``study.records()``, ``study.failures()``, and in ``study.folder`` a record per run, the best
        checkpoint (``best/``) and ``report.md``. Runs that are already there are not run again.

    Raises:
        UserError: For bad data or options; nothing is written then.
    """
    parsed = parse_arguments(as_arguments(options), SECTIONS, training=True)
    data: AnyData
    if train is None:
        if validation is not None or test is not None:
            raise UserError("validation and test go with train; for files give train_file, validation_file, test_file")
        data = load_any(parsed[DataConfig], parsed[QuestionConfig])
    else:
        config = parsed[DataConfig]
        for field in fields(DataConfig):
            if getattr(config, field.name) is not None and field.name not in OBJECT_OPTIONS:
                raise UserError(f"{field.name} is for files and tasks; leave it out where train is given")
        data = task_data(
            train,
            validation,
            test,
            kind=config.task or "classification",
            text_column=config.text_column,
            label_column=config.label_column,
        )
    study = planned_study(parsed, data, objectives)
    study.check()
    for _ in run_study(study):
        pass
    return study


def planned_study(
    options: Options, data: AnyData, objectives: str | Sequence[Any] | Mapping[str, Any] | None = None
) -> Study:
    """The study that the options describe, with the objectives that they name or with others.

    Raises:
        UserError: If an option is refused.
    """
    if "seed" in options.training:
        raise UserError("--seed is for train; compare runs the seeds 0, 1, … of --seeds N")
    folder = Path(options.take("output_dir") or f"runs/{data.name}")
    config, tools = options[StudyConfig], options[StudyTools]
    shared = given_settings(options[ObjectiveConfig])
    specs = parse_objectives(config.objectives if objectives is None else objectives, shared)
    base = RunConfig(
        specs[0],
        dropout_p=shared.get("dropout_p"),
        model_config=options[ModelConfig],
        question_config=options[QuestionConfig],
        training=options.training,
    )
    return Study(data, base, config, folder, tools, specs)
