"""Score retrieval with 0, 1, 2 … feedback passages by several methods, query by query, with tests."""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cmploss.atomic import write_text
from cmploss.cli.console import check_given, check_unused, out, progress, told_when_interrupted
from cmploss.cli.run_output import print_table
from cmploss.errors import UserError
from cmploss.options import as_arguments, parse_arguments, whole_numbers
from cmploss.retrieval.ranking_measures import MEASURES, deeper, read_measures
from cmploss.retrieval.trec_files import QrelsForm, RunForm

if TYPE_CHECKING:
    from cmploss.retrieval import Index, Qrels, Run
    from cmploss.tasks.prf.evaluate_prf import Method

QRELS_FILE = "qrels.txt"
FINISHED_FILE = "finished"
PAGE_FILE = "report.html"
NO_FEEDBACK = "none"
USUAL = ",".join(MEASURES)
ROCCHIO = "0.4,0.6"  # of Li et al. 2021; Anserini's are 0.9,0.1
FORMULAS = (NO_FEEDBACK, "average", "rocchio")


@dataclass(frozen=True)
class RetrieveEvaluateFlags:
    """What to score, and how.

    Attributes:
        index: Folder of an index.
        queries: BEIR folder, or a file: JSON lines, TREC, SMART, or id TAB text.
        qrels: Judgements; queries without judgements are left out.
        qrels_form: Form of the judgements: auto (TREC, or BEIR with its header line), grades (query, document, grade),
            cranfield (query, document, code, 1 the best), or pairs (query, document, zeros).
        feedback: Methods joined by commas: none, average, rocchio.
        rocchio: Weights of the query and of the mean passage in Rocchio, joined by a comma.
        reformulator: Folders from retrieve train or compare, joined by commas; NAME-0, NAME-1 … are seeds of one
            method.
        documents: The collection of the index; a reformulator reads its texts.
        feedback_passages: Numbers of feedback passages joined by commas.
        relevance_level: Lowest grade that counts as relevant; 2 on TREC DL.
        measures: Measures in the notation of ir_measures, joined by commas, as in P@5,AP(rel=2); the first is that of
            the table.
        depth: Documents per query in a run.
        run_files: Runs of other tools, joined by commas, to score next to these.
        run_form: Form of these runs: trec, or ranks (query, document, rank).
        partial_collection: Ignore judgements of documents that the index does not have.
        model: New location of the index's model, if it has moved.
        query_vectors: Vectors of the queries that another tool has made, as for retrieve index.
        first_run: A run whose documents are fed back, and scored without feedback, instead of a search of the index.
        approximate: Search by faiss, hnsw or ivf, instead of exactly.
        output_dir: Folder of the records and the runs.
    """

    index: str = ""
    queries: str = ""
    qrels: str = ""
    qrels_form: QrelsForm = "auto"
    feedback: str = "none,average,rocchio"
    rocchio: str = ROCCHIO
    reformulator: str | None = None
    documents: str | None = None
    feedback_passages: str = "0,1,2,3,4,5"
    relevance_level: int = 1
    measures: str = USUAL
    depth: int = 1000
    run_files: str | None = None
    run_form: RunForm = "trec"
    partial_collection: bool = False
    model: str | None = None
    query_vectors: str | None = None
    first_run: str | None = None
    approximate: Literal["hnsw", "ivf"] | None = None
    output_dir: str = "runs/retrieval"


USAGE = "--index FOLDER --queries FILE --qrels FILE [--feedback none,average,rocchio] [--output_dir FOLDER]"
SECTIONS = (RetrieveEvaluateFlags,)


def run(argv: Sequence[str]) -> None:
    options = parse_arguments(argv, SECTIONS)
    flags = options[RetrieveEvaluateFlags]
    if "rocchio" not in _words(flags.feedback):
        check_unused(options.given, ("rocchio",), f"--feedback {flags.feedback}")
    if not flags.run_files and not flags.first_run:
        check_unused(options.given, ("run_form",), "an evaluation without --run_files and --first_run")
    check_unused(() if flags.reformulator else options.given, ("documents",), "an evaluation without --reformulator")
    if not flags.reformulator and flags.first_run and set(_words(flags.feedback)) <= {NO_FEEDBACK}:
        unread, what = ("model", "query_vectors", "approximate"), "an evaluation of --first_run without feedback"
        check_unused(options.given, unread, what)
    sizes, measures = _check(flags), read_measures(flags.measures)
    from cmploss.experiment import write_record
    from cmploss.experiment.run_dir import RECORD_FILE, check_folder, claim_folder, folder_name
    from cmploss.model_identity import model_identity
    from cmploss.retrieval import (
        approximate,
        check_qrels,
        load_index,
        query_vectors,
        read_qrels,
        read_queries,
        read_run,
        relevant_queries,
        score_run,
        texts_fingerprint,
        write_qrels,
    )
    from cmploss.retrieval.corpus import file_fingerprint
    from cmploss.tasks.prf.evaluate_prf import (
        Method,
        ScoredRun,
        evaluate_methods,
        first_pass,
        records_of,
        trained_methods,
        trained_queries,
    )

    folder = Path(flags.output_dir)
    index, all_queries = load_index(flags.index), read_queries(flags.queries)
    if sizes[-1] > len(index.ids):
        raise UserError(f"--feedback_passages {sizes[-1]}: the index has {len(index.ids)} documents; choose fewer")
    judgements = read_qrels(flags.qrels, flags.qrels_form)
    judged = check_qrels(judgements, flags.qrels, all_queries, index.ids, partial=flags.partial_collection)
    level = flags.relevance_level
    qrels = relevant_queries(judged, level)
    queries = all_queries.only(qrels)
    trained = trained_methods([Path(name) for name in _words(flags.reformulator)], FORMULAS)
    others = _other_runs(flags, qrels, [method.name for method in trained])
    settings = {
        "index": {"model": index.model, **index.settings},
        "queries": texts_fingerprint(queries),
        "qrels": file_fingerprint(Path(flags.qrels)),
        "reformulator": {f"{each.name}-{each.seed}": model_identity(str(each.folder)) for each in trained},
        "feedback_passages": list(sizes),
        "run_files": {name: file_fingerprint(path) for name, (path, _) in others.items()},
        **{name: getattr(flags, name) for name in ("feedback", "relevance_level", "depth", "partial_collection")},
    }
    for name in ("query_vectors", "first_run"):
        settings |= {name: file_fingerprint(Path(path))} if (path := getattr(flags, name)) else {}
    settings |= {
        name: value
        for name in ("qrels_form", "run_form", "approximate", "measures", "rocchio")
        if (value := getattr(flags, name)) != getattr(RetrieveEvaluateFlags, name)
    }
    check_folder(folder, settings)
    if (folder / FINISHED_FILE).exists():
        out.print(f"{folder}: this evaluation is already finished")
        _show(folder)
        return
    if flags.approximate:
        index = approximate(index, flags.approximate, flags.index, out.print)
    methods = _methods(flags, trained, index, sizes[-1])
    first = None
    if flags.first_run:
        first = first_pass(index, read_run(flags.first_run, flags.run_form), queries.ids, sizes[-1], flags.first_run)
    if first is None or any(method.record is None for method in methods):
        vectors = query_vectors(index, all_queries, flags.query_vectors, flags.model, only=queries.ids)
    else:
        vectors = np.zeros((len(queries), 0), dtype=np.float32)  # nothing reads them
    claim_folder(folder, settings)
    write_qrels(qrels, folder / QRELS_FILE)
    total, runs = 1 + sum(len(sizes) - (0 in sizes and method.record is None) for method in methods), []
    with told_when_interrupted("the same command continues"), progress("searching", total) as advance:
        for scored in evaluate_methods(
            *(index, queries, vectors, qrels),
            first=first,
            methods=methods,
            sizes=sizes,
            level=level,
            depth=flags.depth,
            folder=folder,
            measures=measures,
        ):
            runs.append(scored)
            advance(1)
    runs += [ScoredRun(Method(name), None, score_run(run, qrels, level, measures)) for name, (_, run) in others.items()]
    notes = [
        f"{len(index.ids)} documents, {sum(map(len, qrels.values()))} judgements, relevant from grade {level}",
        f"{len(all_queries) - len(judged)} queries without judgements and {len(judged) - len(qrels)} without a "
        "relevant document are left out",
        *(f"{name} reads the {flags.depth} documents of a run (--depth)" for name in deeper(measures, flags.depth)),
        *(
            f"{shared} of {len(queries)} queries were trained on by {each.name}, seed {each.seed}"
            for each in trained
            if (shared := trained_queries(each.folder, queries.texts))
        ),
    ]
    splits = {"test": {"examples": len(queries), "sha256": settings["queries"]}}
    data = {"splits": splits, "notes": notes, "command": _command(flags)}
    name = Path(flags.queries).resolve().stem
    for record in records_of(runs, queries.ids, task=name, sizes=sizes, settings=settings, data=data):
        size = f"passages-{record.condition.others['passages']}"
        where = folder / size / folder_name(record.name) / f"seed-{record.seed}"
        if not (where / RECORD_FILE).exists():
            write_record(record, where / RECORD_FILE)
    (folder / FINISHED_FILE).touch()
    _show(folder)


def _check(flags: RetrieveEvaluateFlags) -> tuple[int, ...]:
    check_given(flags, ("index", "queries", "qrels"), f"retrieve evaluate {USAGE}")
    for method in _words(flags.feedback):
        if method not in FORMULAS:
            raise UserError(f"--feedback {method!r} is unknown; choose from {', '.join(FORMULAS)}")
    sizes = whole_numbers("feedback_passages", flags.feedback_passages, least=0)
    _weights(flags.rocchio)
    for name in ("depth", "relevance_level"):
        if getattr(flags, name) < 1:
            raise UserError(f"--{name} must be >= 1, got {getattr(flags, name)}")
    if flags.reformulator and not flags.documents:
        raise UserError("--documents is missing: a reformulator reads the texts of the feedback passages")
    return sizes


def _weights(text: str) -> tuple[float, float]:
    try:
        alpha, beta = map(float, text.split(","))
    except ValueError:
        alpha = beta = math.nan
    if not 0 <= alpha < math.inf or not 0 <= beta < math.inf:
        raise UserError(f"--rocchio must be two numbers >= 0 joined by a comma, as in 0.9,0.1; got {text!r}")
    return alpha, beta


def _methods(flags: RetrieveEvaluateFlags, trained: Sequence["Method"], index: "Index", most: int) -> list["Method"]:
    from cmploss.retrieval import FORMULAS, read_documents, vector_feedback
    from cmploss.retrieval.feedback_methods import rocchio_feedback
    from cmploss.tasks.prf import TrainedFeedback
    from cmploss.tasks.prf.evaluate_prf import Method
    from cmploss.tasks.prf.prf_data import check_documents

    names = dict.fromkeys(name for name in _words(flags.feedback) if name in FORMULAS)
    alpha, beta = _weights(flags.rocchio)
    formulas: dict[str, Any] = {**FORMULAS, "rocchio": partial(rocchio_feedback, alpha=alpha, beta=beta)}
    methods = [Method(name, vector_feedback(formulas[name], index)) for name in names]
    documents = check_documents(read_documents(str(flags.documents)), index) if trained else []
    for each in trained:
        reformulator = TrainedFeedback.load(each.folder)
        limit = reformulator.reader.config.max_feedback
        if most > limit:
            raise UserError(f"--feedback_passages {most}: {each.folder} reads at most {limit}; give numbers up to that")
        methods.append(replace(each, revise=reformulator.method(index, documents)))
    return methods


def _other_runs(
    flags: RetrieveEvaluateFlags, qrels: "Qrels", trained: Sequence[str]
) -> Mapping[str, tuple[Path, "Run"]]:
    from cmploss.retrieval import read_run

    found: dict[str, tuple[Path, Run]] = {}
    for path in map(Path, _words(flags.run_files)):
        if path.stem in found:
            raise UserError(f"--run_files {path}: another file is also called {path.stem}; rename one of them")
        if path.stem in {*FORMULAS, *trained}:
            raise UserError(f"--run_files {path}: a method is also called {path.stem}; rename the file")
        run = read_run(path, flags.run_form)
        if not run.keys() & qrels.keys():
            raise UserError(f"{path}: has none of the {len(qrels)} judged queries; give a run of this collection")
        found[path.stem] = (path, run)
    return found


def _command(flags: RetrieveEvaluateFlags) -> str:
    """The command, without options at their default."""
    given = {field.name: getattr(flags, field.name) for field in fields(flags)}
    changed = {field.name: given[field.name] for field in fields(flags) if given[field.name] != field.default}
    return f"cmploss retrieve evaluate {shlex.join(as_arguments(changed))}"


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _show(folder: Path) -> None:
    from cmploss.experiment import read_records
    from cmploss.experiment.grouping import comparisons_of
    from cmploss.reports import comparison_table
    from cmploss.reports.html import read_study, report_page

    records = read_records(folder)
    for note in records[0].data["notes"]:
        out.print(note)
    order = sorted({record.name for record in records}, key=lambda name: (name != NO_FEEDBACK, name))
    for group in comparisons_of(records):
        print_table(comparison_table(group.records, baseline=NO_FEEDBACK, order=order), group.name)
    write_text(folder / PAGE_FILE, report_page([read_study(folder, records)], baseline=NO_FEEDBACK))
    out.print(f"report {folder / PAGE_FILE}")
    out.print(f"records {folder}/passages-*   runs {folder}/*.run, judgements {folder / QRELS_FILE}")
