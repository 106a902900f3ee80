"""The command ``compare`` as a Python function."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmploss.errors import UserError
from cmploss.experiment.spec import note_unused, parse_objectives
from cmploss.model_config import ModelConfig
from cmploss.objectives.named import ObjectiveConfig, given_settings
from cmploss.options import Options, as_arguments, parse_arguments
from cmploss.studies.plan import check_options, model_of_study
from cmploss.studies.run_config import RunConfig
from cmploss.studies.run_tasks import ENCODING
from cmploss.studies.study_config import DEFAULT_OBJECTIVES, StudyConfig
from cmploss.studies.vary import combinations_of, parse_vary
from cmploss.tasks.base import LearningTask, refuse_pooling
from cmploss.tasks.catalog import ROW_TASKS
from cmploss.tasks.data_config import COLUMNS, DataConfig, check_applies
from cmploss.tasks.loading import check_sections, load_task
from cmploss.tasks.prf.prf_config import FeedbackConfig, PrfConfig
from cmploss.tasks.qa.qa_config import QuestionConfig
from cmploss.tasks.rag.rag_config import RagConfig
from cmploss.tasks.splits import SPLITS

if TYPE_CHECKING:
    from cmploss.studies.study import Study

OBJECT_OPTIONS = ("task", "tag_names", *COLUMNS)
SECTIONS = (
    DataConfig,
    ModelConfig,
    QuestionConfig,
    RagConfig,
    PrfConfig,
    FeedbackConfig,
    ObjectiveConfig,
    StudyConfig,
)


def compare(
    train: object = None,
    validation: object = None,
    test: object = None,
    *,
    task: str | LearningTask | None = None,
    objectives: str | Sequence[Any] | Mapping[str, Any] = DEFAULT_OBJECTIVES,
    measures: str | Sequence[Any] | Mapping[str, Any] | None = None,
    **options: Any,
) -> Study:
    """Compare objectives over several seeds on one labelled data set.

    Every run of a seed has the same training examples, the same order, the same initial head and the same steps.

    Args:
        train: A pandas DataFrame, ``datasets.Dataset`` or list of dicts; or give ``train_file=`` or ``task=``.
        validation: The split on which the best run is chosen; split off ``train`` by default.
        test: The split whose scores are reported; split off ``train`` by default.
        task: What the command line takes, or a task of your own (see :class:`cmploss.tasks.base.LearningTask`).
        objectives: Names as on the command line, or objects of your own (see :class:`cmploss.objectives.Objective`):
            a sequence of these, or a mapping from labels to these, as in
            ``{"supervised": "supervised", "mine": MyObjective()}``. The first is the baseline of the table.
        measures: Measures of texts: names, import paths ``module:function``, functions ``(labels, predictions)`` that
            return percent, or a mapping from names to these. The first is that of the table and chooses the best run.
        **options: What the command line takes, under the same names: ``seeds``, ``few_shot``, ``noise``, ``steps``,
            ``folds``, ``vary`` (as in ``{"learning_rate": [1e-4, 5e-5]}``), ``jobs``, ``n_drop``, ``target``,
            ``model``, ``max_length``, ``output_dir`` and every field of ``transformers.TrainingArguments``.

    Returns:
        The finished study: ``study.table()`` (of a grid ``study.table(condition)`` for each of ``study.conditions``),
        ``study.records()``, ``study.failures()``, and in ``study.folder`` a record per run, the best
        checkpoint (``best/``) and ``report.md``. Runs that are already there are not run again.

    Raises:
        UserError: For bad data or options; nothing is written then.
    """
    own = None if task is None or isinstance(task, str) else task
    parsed = parse_arguments(as_arguments({"task": None if own else task, **options}), SECTIONS, training=True)
    if own and (train is not None or any(vars(parsed[DataConfig]).values())):
        raise UserError("a task of your own has its own data; leave out train and the data options")
    for option in (*ENCODING, "head_init") if own else ():
        if option in parsed.given:
            raise UserError(f"a task of your own makes its own model and inputs; leave out {option}")
    if train is not None:
        own = _task_of(parsed, train, validation, test)
    elif validation is not None or test is not None:
        raise UserError("validation and test go with train; for files give train_file, validation_file, test_file")
    study = planned_study(parsed, own, objectives, measures)
    from cmploss.studies.study import run_study

    study.check()
    study = study.with_length()
    for _ in run_study(study):
        pass
    return study


def planned_study(
    options: Options,
    task: LearningTask | None = None,
    objectives: str | Sequence[Any] | Mapping[str, Any] | None = None,
    measures: str | Sequence[Any] | Mapping[str, Any] | None = None,
    together: Collection[str | None] = (),
) -> Study:
    """The study of some options; ``together`` are the tasks of all studies of the command."""
    if "seed" in options.training:
        raise UserError("--seed is for train; compare runs the seeds 0, 1, … of --seeds N")
    config = options[StudyConfig]
    parse_vary(config.vary, options.given)
    if config.folds is not None:
        for option in options.given & {"seeds", "max_train_samples", "max_eval_samples"}:
            raise UserError(f"--folds and --{option} exclude each other; leave one out")
    shared = given_settings(options[ObjectiveConfig])
    specs = parse_objectives(config.objectives if objectives is None else objectives, shared)
    note_unused(specs, shared, config.dropout_power)
    if config.init_from_study is not None:
        options[ModelConfig] = model_of_study(options[ModelConfig], Path(config.init_from_study), specs[0])
    if task is None:
        options[ModelConfig] = _first_model(options)
    output_dir = options.take("output_dir")
    base = RunConfig(
        specs[0],
        dropout_p=shared.get("dropout_p"),
        model_config=options[ModelConfig],
        skip_nonfinite=config.skip_nonfinite,
        training=options.training,
    )
    check_options(config, base)
    if task is None:
        task = load_task(options, together)
    else:
        check_sections(options.given, {None})
    measures = config.measures if measures is None else measures
    if measures is not None:
        task = task.with_measures(measures)
        for name, source in task.settings["measures"].items() if config.in_processes else ():
            if source and source["import"] is None:
                raise UserError(
                    f"{config.in_processes}: other processes cannot import measure {name}; define it in a module"
                )
    defaults = dict(task.training)
    if config.search_trials:
        defaults.pop("learning_rate", None)
    if config.steps is not None or "max_steps" in options.training:
        defaults.pop("num_train_epochs", None)
    base = replace(base, training={**defaults, **options.training})
    folder = Path(output_dir or f"runs/{task.name}")
    from cmploss.studies.study import Study  # it imports torch, which the checks above do not need

    return Study(task, base, config, folder, specs).with_known_length()


def _first_model(options: Options) -> ModelConfig:
    """The model of the first row; the data are encoded for it."""
    model: ModelConfig = options[ModelConfig]
    first = combinations_of(parse_vary(options[StudyConfig].vary))[0]
    return replace(model, **{name: value for name, value in first.items() if hasattr(model, name)})


def _task_of(options: Options, train: object, validation: object, test: object) -> LearningTask:
    from cmploss.tasks.data_tables import table_of
    from cmploss.tasks.rows.load_rows import assembled, task_of_data
    from cmploss.tasks.text.load_texts import task_data
    from cmploss.tasks.text.text_task import TextTask

    config = options[DataConfig]
    model = options[ModelConfig] = _first_model(options)
    for field in fields(DataConfig):
        if getattr(config, field.name) is not None and field.name not in OBJECT_OPTIONS:
            raise UserError(f"{field.name} is for files and tasks; leave it out where train is given")
    check_applies(config)
    if config.task in ROW_TASKS:
        refuse_pooling(model, f"--task {config.task}")
        given = {"train": train, "validation": validation, "test": test}
        tables = {split: table_of(given[split], split) for split in SPLITS if given[split] is not None}
        return task_of_data(assembled(tables, "data", config), model)
    data = task_data(
        train,
        validation,
        test,
        kind=config.task or "classification",
        text_column=config.text_column,
        label_column=config.label_column,
        group_column=config.group_column,
    )
    return TextTask(data, model.model, model.max_length, pooling=model.pooling, head_init=model.head_init)
