"""Score retrieval with 0, 1, 2 … feedback passages by several methods, query by query, with tests."""

import hashlib
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cmploss.atomic import write_json
from cmploss.cli.console import out, progress_bar
from cmploss.errors import UserError
from cmploss.experiment import FEEDBACK_FILE, NO_FEEDBACK, FeedbackRecord, environment, read_feedback
from cmploss.experiment.run_dir import RECORD_FILE as RUN_RECORD
from cmploss.experiment.run_dir import check_folder, claim_folder
from cmploss.options import as_arguments, parse_arguments
from cmploss.reports.feedback import about, aligned, feedback_table, feedback_words
from cmploss.reports.html import write_feedback_page
from cmploss.retrieval import (
    FORMULAS,
    PRIMARY,
    FeedbackMethod,
    Index,
    Qrels,
    Run,
    Texts,
    check_qrels,
    encoder_of,
    load_index,
    read_documents,
    read_qrels,
    read_queries,
    read_run,
    relevant_queries,
    score_run,
    texts_fingerprint,
    vector_feedback,
    write_qrels,
)
from cmploss.studies.outputs import PAGE_FILE
from cmploss.studies.quiet import quiet_libraries
from cmploss.tasks.prf import (
    Row,
    TrainedFeedback,
    TrainedMethod,
    check_documents,
    evaluate_feedback,
    more_feedback,
    over_seeds,
    record_rows,
    trained_methods,
)

QRELS_FILE = "qrels.txt"


@dataclass(frozen=True)
class RetrieveEvaluateFlags:
    """What to score, and how.

    Attributes:
        index: Folder of an index.
        queries: BEIR folder, or a file: JSON lines, TREC, SMART, or id TAB text.
        qrels: Judgements: TREC, BEIR or SMART; queries without any are left out.
        feedback: Methods joined by commas, among none, average and rocchio.
        reformulator: Folders that retrieve train wrote, joined by commas; NAME-0, NAME-1 … are seeds of one method.
        documents: The collection that the index was made of; a reformulator reads its texts.
        feedback_passages: Numbers of feedback passages joined by commas.
        relevance_level: Least grade that counts as relevant; 2 on TREC DL.
        depth: Documents per query in a run.
        run_files: Runs of other tools in TREC form, joined by commas, to score beside.
        partial_collection: Whether the index has a part of the judged documents only; leaves the others out.
        model: Where the index's model is, if it has moved.
        output_dir: Folder of the record and the runs.
    """

    index: str = ""
    queries: str = ""
    qrels: str = ""
    feedback: str = "none,average,rocchio"
    reformulator: str | None = None
    documents: str | None = None
    feedback_passages: str = "0,1,2,3,4,5"
    relevance_level: int = 1
    depth: int = 1000
    run_files: str | None = None
    partial_collection: bool = False
    model: str | None = None
    output_dir: str = "runs/retrieval"


USAGE = "--index FOLDER --queries FILE --qrels FILE [--feedback none,average,rocchio] [--output_dir FOLDER]"
SECTIONS = (RetrieveEvaluateFlags,)
TRAINING = False


def run(argv: Sequence[str]) -> None:
    """Parse, check, search, score, write and print."""
    quiet_libraries()
    flags = parse_arguments(argv, SECTIONS)[RetrieveEvaluateFlags]
    sizes, folder = _check(flags), Path(flags.output_dir)
    index, all_queries = load_index(flags.index), read_queries(flags.queries)
    if sizes[-1] > len(index.ids):
        raise UserError(f"--feedback_passages {sizes[-1]}: the index has {len(index.ids)} documents; choose fewer")
    judged = check_qrels(read_qrels(flags.qrels), flags.qrels, all_queries, index.ids, partial=flags.partial_collection)
    qrels = relevant_queries(judged, flags.relevance_level)
    queries = all_queries.only(qrels)
    trained = _reformulators(flags)
    runs = {folder.name: folder for method in trained for folder in method.folders.values()}
    others = _other_runs(flags, qrels, {method.name for method in trained})
    settings = {
        "index": {"model": index.model, **index.settings},
        "queries": texts_fingerprint(queries),
        "qrels": _digest(Path(flags.qrels)),
        "feedback": flags.feedback,
        "reformulator": {name: _digest(path / RUN_RECORD) for name, path in runs.items()},
        "feedback_passages": sizes,
        "relevance_level": flags.relevance_level,
        "depth": flags.depth,
        "run_files": {name: _digest(path) for name, (path, _) in others.items()},
        "partial_collection": flags.partial_collection,
    }
    check_folder(folder, settings)
    if (folder / FEEDBACK_FILE).exists():
        out.print(f"{folder} holds this evaluation already, finished")
        _show(read_feedback(folder / FEEDBACK_FILE), folder)
        return
    methods = {**_methods(flags, index), **_trained_feedback(flags, runs, index, max(sizes))}
    vectors = encoder_of(index, flags.model).queries(queries.texts)
    claim_folder(folder, settings)
    write_qrels(qrels, folder / QRELS_FILE)
    with progress_bar() as bar:
        task = bar.add_task("searching", total=1 + len(methods) * len(set(sizes) - {0}) + len(runs) * (0 in sizes))
        rows = []
        for row in evaluate_feedback(
            *(index, queries, vectors, qrels),
            methods=methods,
            sizes=sizes,
            level=flags.relevance_level,
            depth=flags.depth,
            folder=folder,
            without=runs,
        ):
            rows.append(row)
            bar.advance(task)
    rows = over_seeds(rows, trained)
    rows += [Row(name, None, score_run(found, qrels, flags.relevance_level)) for name, (_, found) in others.items()]
    record = FeedbackRecord(
        settings=settings,
        data=_data(index, all_queries, queries, judged, qrels),
        reformulators={
            method.name: {"runs": method.names, "seeds": list(method.folders), "settings": dict(method.settings)}
            for method in trained
        },
        primary=PRIMARY,
        rows=record_rows(rows),
        more=more_feedback(rows),
        environment=environment(),
        command=_command(flags),
    )
    write_json(folder / FEEDBACK_FILE, asdict(record))
    _show(record, folder)


def _check(flags: RetrieveEvaluateFlags) -> list[int]:
    for name in ("index", "queries", "qrels"):
        if not getattr(flags, name):
            raise UserError(f"--{name} is missing; usage: cmploss retrieve evaluate {USAGE}")
    for method in _words(flags.feedback):
        if method not in ("none", *FORMULAS):
            raise UserError(f"--feedback {method!r} is unknown; choose from none, {', '.join(FORMULAS)}")
    words = _words(flags.feedback_passages)
    if not words or not all(word.isdecimal() for word in words):
        raise UserError(
            f"--feedback_passages {flags.feedback_passages!r}: give whole numbers from 0 joined by commas, as in 0,1,3"
        )
    for name in ("depth", "relevance_level"):
        if getattr(flags, name) < 1:
            raise UserError(f"--{name} {getattr(flags, name)} is out of range; give a whole number from 1")
    return sorted({int(word) for word in words})


def _methods(flags: RetrieveEvaluateFlags, index: Index) -> dict[str, FeedbackMethod]:
    return {name: vector_feedback(FORMULAS[name], index) for name in _words(flags.feedback) if name != "none"}


def _reformulators(flags: RetrieveEvaluateFlags) -> list[TrainedMethod]:
    folders = [Path(name) for name in _words(flags.reformulator or "")]
    if folders and not flags.documents:
        raise UserError("--documents is missing: a reformulator reads the texts of the passages that are fed back")
    for folder in folders:
        if not (folder / RUN_RECORD).exists():
            raise UserError(f"--reformulator {folder}: holds no finished run; give a folder that retrieve train wrote")
    _check_names([folder.name for folder in folders])
    methods = trained_methods(folders)
    _check_names([method.name for method in methods])
    return methods


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1 or name in (NO_FEEDBACK, *FORMULAS):
            raise UserError(f"--reformulator: the name {name!r} is taken; give folders with different last names")


def _trained_feedback(
    flags: RetrieveEvaluateFlags, runs: Mapping[str, Path], index: Index, most: int
) -> dict[str, FeedbackMethod]:
    if not runs:
        return {}
    documents = check_documents(read_documents(str(flags.documents)), index)
    methods = {}
    for name, folder in runs.items():
        reformulator = TrainedFeedback.load(folder)
        limit = reformulator.reader.config.max_feedback
        if most > limit:
            raise UserError(f"--feedback_passages {most}: {folder} reads at most {limit}; give numbers up to that")
        methods[name] = reformulator.method(index, documents)
    return methods


def _other_runs(flags: RetrieveEvaluateFlags, qrels: Qrels, trained: Collection[str]) -> dict[str, tuple[Path, Run]]:
    found: dict[str, tuple[Path, Run]] = {}
    for path in map(Path, _words(flags.run_files or "")):
        if path.stem in found:
            raise UserError(f"--run_files {path}: another one is called {path.stem} too; rename one of them")
        if path.stem in {NO_FEEDBACK, *FORMULAS, *trained}:
            raise UserError(f"--run_files {path}: a method is called {path.stem} too; rename the file")
        run = read_run(path)
        if not run.keys() & qrels.keys():
            raise UserError(f"{path}: has none of the {len(qrels)} judged queries; give a run of this collection")
        found[path.stem] = (path, run)
    return found


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _data(index: Index, given: Texts, queries: Texts, judged: Qrels, qrels: Qrels) -> dict[str, Any]:
    return {
        "documents": len(index.ids),
        "queries": queries.ids,
        "texts": queries.texts,
        "judgements": sum(len(grades) for grades in qrels.values()),
        "queries_without_judgements": len(given) - len(judged),
        "queries_without_relevant_documents": len(judged) - len(qrels),
    }


def _command(flags: RetrieveEvaluateFlags) -> str:
    """The command, options at their default left out."""
    given = {field.name: getattr(flags, field.name) for field in fields(flags)}
    changed = {field.name: given[field.name] for field in fields(flags) if given[field.name] != field.default}
    return f"cmploss retrieve evaluate {shlex.join(as_arguments(changed))}"


def _show(record: FeedbackRecord, folder: Path) -> None:
    data = record.data
    out.print(
        f"{data['documents']} documents · {len(data['queries'])} queries · {data['judgements']} judgements, "
        f"relevant from grade {record.settings['relevance_level']}"
    )
    for line in aligned(feedback_table(record)):
        out.print(line, markup=False)
    out.print(about(record), markup=False)
    if any(row.passages for row in record.rows):
        out.print(f"In words: {' '.join(feedback_words(record))}", markup=False)
    write_feedback_page({folder.resolve().name: record}, folder / PAGE_FILE)
    out.print(f"report {folder / PAGE_FILE}", markup=False)
    out.print(f"record {folder / FEEDBACK_FILE}   runs {folder}/*.run, judgements {folder / QRELS_FILE}", markup=False)
