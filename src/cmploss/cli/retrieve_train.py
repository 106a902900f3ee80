"""Train a query reformulator on the passages that queries retrieve, to a folder that retrieve evaluate reads.

``cmploss compare --task prf`` compares several objectives and seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from cmploss.cli.run_output import train_once
from cmploss.errors import UserError
from cmploss.options import parse_arguments
from cmploss.tasks.prf.prf_config import FeedbackConfig, PrfConfig


@dataclass(frozen=True)
class RetrieveTrainFlags:
    """What to train on, and how.

    Attributes:
        index: Folder of an index; the reformulator writes in its vector space.
        documents: The collection that the index was made of.
        queries: Texts of all queries: BEIR folder, JSON lines, TREC, SMART, or id TAB text.
        qrels: Judgements of the training queries.
        run_file: Results of the training queries, as retrieve search writes them.
        validation_qrels: Judgements of validation queries.
        validation_run_file: Results of the validation queries.
        relevance_level: Least grade that counts as relevant.
        partial_collection: Whether the index has only a part of the judged documents; ignores the others.
        model: Where the index's model is, if it has moved; for an index made elsewhere the encoder to start from.
        revisions: Revisions of each query that are trained together, 1+n.
        feedback_weight: λ of the comparison between revisions; with 0, or one revision, none.
        shuffle: Whether the passages of a revision are a random choice in random order.
        score_scale: Factor on scores in the loss; by default 20 for unit vectors and 1 for others.
        engine: How the passes are run.
        seed: Seeds dropout, the order of the queries, and the sizes of their feedback.
    """

    index: str = ""
    documents: str = ""
    queries: str = ""
    qrels: str = ""
    run_file: str = ""
    validation_qrels: str | None = None
    validation_run_file: str | None = None
    relevance_level: int = 1
    partial_collection: bool = False
    model: str | None = None
    revisions: int = 2
    feedback_weight: float = 1.0
    shuffle: bool = False
    score_scale: float | None = None
    engine: Literal["auto", "joint", "two_pass"] = "auto"
    seed: int = 0


USAGE = "[FILE.yaml] --index FOLDER --documents FILE --queries FILE --qrels FILE --run_file FILE [--option value …]"
SECTIONS = (RetrieveTrainFlags, FeedbackConfig)
TRAINING = True
TRAINING_TEXTS = {
    "learning_rate": "peak learning rate (default 1e-5, for a sparse index 2e-5)",
    "per_device_train_batch_size": "queries per batch (default 108 / revisions)",
    "num_train_epochs": "passes over the training queries (default 12 / revisions)",
}


def run(argv: Sequence[str]) -> None:
    options = parse_arguments(argv, SECTIONS, training=True)
    flags = options[RetrieveTrainFlags]
    for name in ("index", "documents", "queries", "qrels", "run_file"):
        if not getattr(flags, name):
            raise UserError(f"--{name} is missing; usage: cmploss retrieve train {USAGE}")
    if (flags.validation_qrels is None) != (flags.validation_run_file is None):
        raise UserError("--validation_qrels and --validation_run_file belong together; give both or none")
    given = {field.name for field in fields(PrfConfig)} & {field.name for field in fields(flags)}
    config = PrfConfig(
        train_queries=flags.queries,
        train_qrels=flags.qrels,
        train_run_file=flags.run_file,
        **{name: getattr(flags, name) for name in given},
    )
    from cmploss.experiment.spec import ObjectiveSpec
    from cmploss.objectives import LoL
    from cmploss.studies.quiet import quiet_libraries
    from cmploss.studies.run_config import RunConfig
    from cmploss.tasks.prf.prf_data import load_prf_data
    from cmploss.tasks.prf.prf_task import PrfTask, published_training

    quiet_libraries()
    try:
        objective = LoL(flags.feedback_weight, revisions=flags.revisions, engine=flags.engine)
    except ValueError as error:
        raise UserError(str(error)) from error
    data = load_prf_data(config, flags.model, split_off=False)
    feedback, scale = options[FeedbackConfig], flags.score_scale
    task = PrfTask(data, feedback, model=flags.model, shuffle=flags.shuffle, score_scale=scale)
    folder = Path(options.take("output_dir") or "runs/reformulator")
    training = {**published_training(data.index.kind, flags.revisions), **options.training}
    train_once(RunConfig(ObjectiveSpec.of(objective, "lol"), flags.seed, training=training), task, folder)
