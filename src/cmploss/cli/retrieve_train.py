"""Train a query reformulator on the passages that queries retrieve, to a folder that retrieve evaluate reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cmploss.cli.console import err, out, progress_bar
from cmploss.cli.run_output import print_run
from cmploss.errors import UserError
from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.run_dir import RECORD_FILE, check_folder
from cmploss.options import parse_arguments
from cmploss.retrieval import (
    check_qrels,
    load_index,
    read_documents,
    read_qrels,
    read_queries,
    read_run,
)
from cmploss.studies.quiet import quiet_libraries
from cmploss.tasks.prf import (
    FeedbackConfig,
    FeedbackRun,
    FeedbackTask,
    RankedQueries,
    ReformulatorConfig,
    check_documents,
    ranked_queries,
    train_reformulator,
)
from cmploss.tasks.prf.train_reformulator import notes_of
from cmploss.training.callbacks import StepProgress


@dataclass(frozen=True)
class RetrieveTrainFlags:
    """What to train on.

    Attributes:
        index: Folder of an index; the reformulator writes in its space.
        documents: The collection that the index was made of.
        queries: Texts of all queries: BEIR folder, JSON lines, TREC, SMART, or id TAB text.
        qrels: Judgements of the training queries.
        run_file: Results of the training queries, as retrieve search writes them.
        validation_qrels: Judgements of validation queries.
        validation_run_file: Results of the validation queries.
        relevance_level: Least grade that counts as relevant.
        partial_collection: Whether the index has a part of the judged documents only; leaves the others out.
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


USAGE = "[FILE.yaml] --index FOLDER --documents FILE --queries FILE --qrels FILE --run_file FILE [--option value …]"
SECTIONS = (RetrieveTrainFlags, FeedbackConfig, ReformulatorConfig)
TRAINING = True
TRAINING_TEXTS = {
    "learning_rate": "peak learning rate (default 1e-5, for a sparse index 2e-5)",
    "per_device_train_batch_size": "queries per batch (default 108 / revisions)",
    "num_train_epochs": "passes over the training queries (default 12 / revisions)",
}


def run(argv: Sequence[str]) -> None:
    """Parse, check, train, save and print."""
    quiet_libraries()
    options = parse_arguments(argv, SECTIONS, training=True)
    flags = options[RetrieveTrainFlags]
    folder = Path(options.take("output_dir") or "runs/reformulator")
    settings = FeedbackRun(options[ReformulatorConfig], options[FeedbackConfig], options.training)
    task = _task(flags)
    check_folder(folder, settings.settings(task))
    if (folder / RECORD_FILE).exists():
        out.print(f"{folder} holds this run already, finished")
        _print(read_record(folder / RECORD_FILE), folder)
        return
    for note in notes_of(task):
        err.print(f"note: {note}")
    with progress_bar() as bar:
        steps = bar.add_task("training", total=settings.run_config(task).steps(len(task.train)))
        record = train_reformulator(settings, task, folder, [StepProgress(lambda count: bar.advance(steps, count))])
    _print(record, folder)


def _task(flags: RetrieveTrainFlags) -> FeedbackTask:
    for name in ("index", "documents", "queries", "qrels", "run_file"):
        if not getattr(flags, name):
            raise UserError(f"--{name} is missing; usage: cmploss retrieve train {USAGE}")
    if (flags.validation_qrels is None) != (flags.validation_run_file is None):
        raise UserError("--validation_qrels and --validation_run_file belong together; give both or none")
    index = load_index(flags.index)
    documents = check_documents(read_documents(flags.documents), index)
    queries = read_queries(flags.queries)
    rows = {key: row for row, key in enumerate(index.ids)}

    def part(qrels_file: str, run_file: str) -> RankedQueries:
        qrels = check_qrels(read_qrels(qrels_file), qrels_file, queries, index.ids, partial=flags.partial_collection)
        return ranked_queries(queries, qrels, read_run(run_file), rows, level=flags.relevance_level)

    train = part(flags.qrels, flags.run_file)
    if flags.validation_qrels is None or flags.validation_run_file is None:
        return FeedbackTask(index, documents, train, level=flags.relevance_level, name=Path(flags.documents).stem)
    return FeedbackTask(
        index,
        documents,
        train,
        part(flags.validation_qrels, flags.validation_run_file),
        read_qrels(flags.validation_qrels),
        flags.relevance_level,
        Path(flags.documents).stem,
    )


def _print(record: RunRecord, folder: Path) -> None:
    print_run(record)
    out.print(f"reformulator {folder}   its encoder loads with AutoModel")
