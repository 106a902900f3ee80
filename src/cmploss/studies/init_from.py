"""Transfer: runs that continue from the finished runs of another study."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, fingerprint, read_record
from cmploss.experiment.run_dir import RECORD_FILE, folder_name
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import DEFAULT_MODEL, ModelConfig
from cmploss.studies.best import MODEL_FOLDER
from cmploss.studies.run_config import RunConfig, Start


def continued(config: RunConfig, earlier: Path) -> RunConfig:
    """The run that starts from the checkpoint of the same objective and seed in an earlier study.

    Args:
        config: A run of the new study.
        earlier: Folder of the earlier study; of a grid that of one of its cells.

    Raises:
        UserError: There is no such run, its checkpoint was not kept, or ``--model`` names another model.
    """
    folder = earlier / folder_name(config.objective) / f"seed-{config.seed}"
    if not (folder / RECORD_FILE).exists():
        raise UserError(
            f"--then {earlier}: there is no finished run of {config.objective}, seed {config.seed} ({folder}); give "
            "the folder of a study, or of one cell of it, that has every objective and seed"
        )
    checkpoint = folder / MODEL_FOLDER
    if not checkpoint.is_dir():
        raise UserError(
            f"--then {earlier}: the checkpoint of {folder} was not kept; remove its record.json and run that study "
            "again with --keep_checkpoints true"
        )
    record = read_record(folder / RECORD_FILE)
    model = str(record.settings["model"])
    if config.model_config.model not in (DEFAULT_MODEL, model):
        raise UserError(f"--then {earlier} continues runs of the model {model}; leave --model out")
    return replace(
        config,
        model_config=replace(config.model_config, model=model),
        start=Start(checkpoint, _facts(record)),
    )


def model_of_study(config: ModelConfig, earlier: Path, objective: ObjectiveSpec) -> ModelConfig:
    """The model that the runs of an earlier study were trained from.

    Raises:
        UserError: As :func:`continued`.
    """
    return continued(RunConfig(objective, model_config=config), earlier).model_config


def _facts(record: RunRecord) -> Mapping[str, str | int]:
    return {"task": record.benchmark.task, "steps": int(record.cost["steps"]), "run": fingerprint(record.settings)}
