"""Train a query reformulator on the passages that queries retrieve; compare --task prf compares several objectives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cmploss.cli.console import check_given
from cmploss.cli.run_output import train_once
from cmploss.errors import UserError
from cmploss.options import parse_arguments
from cmploss.tasks.prf.prf_config import FeedbackConfig, PrfConfig


@dataclass(frozen=True)
class RetrieveTrainFlags:
    """How to train.

    Attributes:
        model: New location of the index's model, if it has moved; for an index of another tool, the encoder to start
            from.
        revisions: Number of revisions of each query that are trained together, 1+n.
        feedback_weight: Weight λ of the comparison between revisions; 0 turns it off.
        engine: How the passes are run.
        seed: Seed of dropout, the order of the queries, and their numbers of feedback passages.
    """

    model: str | None = None
    revisions: int = 2
    feedback_weight: float = 1.0
    engine: Literal["auto", "joint", "two_pass"] = "auto"
    seed: int = 0


USAGE = "[FILE.yaml] --index FOLDER --documents FILE --train_queries FILE --train_qrels FILE [--option value …]"
SECTIONS = (PrfConfig, FeedbackConfig, RetrieveTrainFlags)
TRAINING = True
TRAINING_TEXTS = {
    "learning_rate": "peak learning rate (default 1e-5, for a sparse index 2e-5)",
    "per_device_train_batch_size": "queries per batch (default 108 / revisions)",
    "num_train_epochs": "passes over the training queries (default 12 / revisions)",
}


def run(argv: Sequence[str]) -> int:
    options = parse_arguments(argv, SECTIONS, training=True)
    flags, config = options[RetrieveTrainFlags], options[PrfConfig]
    check_given(config, ("index", "documents", "train_queries", "train_qrels"), f"retrieve train {USAGE}")
    from cmploss.experiment.spec import ObjectiveSpec
    from cmploss.objectives import LoL
    from cmploss.studies.run_config import RunConfig
    from cmploss.tasks.prf.prf_task import make_task, published_training

    try:
        objective = LoL(flags.feedback_weight, revisions=flags.revisions, engine=flags.engine)
    except ValueError as error:
        raise UserError(str(error)) from error
    task = make_task(config, options[FeedbackConfig], flags.model, split_off=False)
    folder = Path(options.take("output_dir") or "runs/reformulator")
    training = published_training(task.data.index.kind, flags.revisions) | options.training
    if "max_steps" in options.training:
        training.pop("num_train_epochs", None)
    return train_once(RunConfig(ObjectiveSpec.of(objective, "lol"), flags.seed, training=training), task, folder)
