"""Score retrieval with 0, 1, 2 … feedback passages by several methods, query by query, with tests."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmploss.cli.console import out, progress_bar
from cmploss.errors import UserError
from cmploss.options import parse_arguments
from cmploss.records import environment
from cmploss.reports.formats import p_text
from cmploss.retrieval import (
    FORMULAS,
    MEASURES,
    PRIMARY,
    Feedback,
    Index,
    Qrels,
    Row,
    Run,
    Texts,
    TrainedFeedback,
    check_documents,
    check_qrels,
    encoder_of,
    evaluate_feedback,
    load_index,
    read_documents,
    read_qrels,
    read_queries,
    read_run,
    record_rows,
    relevant_queries,
    score_run,
    texts_fingerprint,
    vector_feedback,
    write_qrels,
)
from cmploss.studies.folders import RECORD_FILE as RUN_RECORD
from cmploss.studies.folders import check_folder, claim_folder, write_json
from cmploss.studies.quiet import quiet_libraries

RECORD_FILE, QRELS_FILE = "retrieval.json", "qrels.txt"
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class RetrieveEvaluateFlags:
    """What to score, and how.

    Attributes:
        index: Folder of an index.
        queries: BEIR folder, or a file: JSON lines, TREC, SMART, or id TAB text.
        qrels: Judgements: TREC, BEIR or SMART; queries without any are left out.
        feedback: Methods joined by commas, among none, average and rocchio.
        reformulator: Folders that retrieve train wrote, joined by commas; scored under their last names.
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
    others = _other_runs(flags, qrels)
    settings = {
        "index": {"model": index.model, **index.settings},
        "queries": texts_fingerprint(queries),
        "qrels": _digest(Path(flags.qrels)),
        "feedback": flags.feedback,
        "reformulator": {name: _digest(path / RUN_RECORD) for name, path in trained.items()},
        "feedback_passages": sizes,
        "relevance_level": flags.relevance_level,
        "depth": flags.depth,
        "run_files": {name: _digest(path) for name, (path, _) in others.items()},
        "partial_collection": flags.partial_collection,
    }
    check_folder(folder, settings)
    if (folder / RECORD_FILE).exists():
        out.print(f"{folder} holds this evaluation already, finished")
        _print(json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")), folder)
        return
    methods = {**_methods(flags, index), **_trained_methods(flags, trained, index, max(sizes))}
    vectors = encoder_of(index, flags.model).queries(queries.texts)
    claim_folder(folder, settings)
    write_qrels(qrels, folder / QRELS_FILE)
    with progress_bar() as bar:
        task = bar.add_task("searching", total=1 + len(methods) * len(set(sizes) - {0}) + len(trained) * (0 in sizes))
        rows = []
        for row in evaluate_feedback(
            *(index, queries, vectors, qrels),
            methods=methods,
            sizes=sizes,
            level=flags.relevance_level,
            depth=flags.depth,
            folder=folder,
            without=trained,
        ):
            rows.append(row)
            bar.advance(task)
    rows += [Row(name, None, score_run(found, qrels, flags.relevance_level)) for name, (_, found) in others.items()]
    record = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings,
        "data": _data(index, all_queries, judged, qrels),
        "results": record_rows(rows),
        "environment": environment(),
    }
    write_json(folder / RECORD_FILE, record)
    _print(record, folder)


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


def _methods(flags: RetrieveEvaluateFlags, index: Index) -> dict[str, Feedback]:
    return {name: vector_feedback(FORMULAS[name], index) for name in _words(flags.feedback) if name != "none"}


def _reformulators(flags: RetrieveEvaluateFlags) -> dict[str, Path]:
    folders = [Path(name) for name in _words(flags.reformulator or "")]
    if folders and not flags.documents:
        raise UserError("--documents is missing: a reformulator reads the texts of the passages that are fed back")
    for folder in folders:
        if not (folder / RUN_RECORD).exists():
            raise UserError(f"--reformulator {folder}: holds no finished run; give a folder that retrieve train wrote")
    names = [folder.name for folder in folders]
    for name in names:
        if names.count(name) > 1 or name in ("none", *FORMULAS):
            raise UserError(f"--reformulator: the name {name!r} is taken; give folders with different last names")
    return dict(zip(names, folders, strict=True))


def _trained_methods(
    flags: RetrieveEvaluateFlags, trained: Mapping[str, Path], index: Index, most: int
) -> dict[str, Feedback]:
    if not trained:
        return {}
    documents = check_documents(read_documents(str(flags.documents)), index)
    methods = {}
    for name, folder in trained.items():
        reformulator = TrainedFeedback.load(folder)
        limit = reformulator.reader.config.max_feedback
        if most > limit:
            raise UserError(f"--feedback_passages {most}: {folder} reads at most {limit}; give numbers up to that")
        methods[name] = reformulator.method(index, documents)
    return methods


def _other_runs(flags: RetrieveEvaluateFlags, qrels: Qrels) -> dict[str, tuple[Path, Run]]:
    found: dict[str, tuple[Path, Run]] = {}
    for path in map(Path, _words(flags.run_files or "")):
        if path.stem in found:
            raise UserError(f"--run_files {path}: another one is called {path.stem} too; rename one of them")
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


def _data(index: Index, queries: Texts, judged: Qrels, qrels: Qrels) -> dict[str, Any]:
    return {
        "documents": len(index.ids),
        "queries": list(qrels),
        "judgements": sum(len(grades) for grades in qrels.values()),
        "queries_without_judgements": len(queries) - len(judged),
        "queries_without_relevant_documents": len(judged) - len(qrels),
    }


def _print(record: Mapping[str, Any], folder: Path) -> None:
    data = record["data"]
    out.print(
        f"{data['documents']} documents · {len(data['queries'])} queries · {data['judgements']} judgements, "
        f"relevant from grade {record['settings']['relevance_level']}"
    )
    lines = [["feedback", "k", *MEASURES, f"Δ {PRIMARY}", "better", "worse", "hurt by more", "p (Holm)"]]
    for row in record["results"]:
        against = row["change"][PRIMARY] if row["change"] else None
        compared = ["–"] * 5
        if against:
            hurt = "–" if row["hurt_by_more"] is None else f"{100 * row['hurt_by_more']:.1f} %"
            better, worse = str(against["better"]), str(against["worse"])
            compared = [f"{against['difference']:+.4f}", better, worse, hurt, p_text(against["p_holm"])]
        passages = "–" if row["passages"] is None else str(row["passages"])
        lines.append([row["method"], passages, *(f"{row['scores'][name]:.4f}" for name in MEASURES), *compared])
    for line in _aligned(lines):
        out.print(line, markup=False)
    out.print(
        f"Δ, better and worse: {PRIMARY} of queries against no feedback, with a paired t test; hurt by more: queries "
        "that the step from the next smaller k makes worse"
    )
    if any(row["passages"] for row in record["results"]):
        out.print(in_words(record["results"]))
    out.print(f"record {folder / RECORD_FILE}   runs {folder}/*.run, judgements {folder / QRELS_FILE}")


def in_words(results: Sequence[Mapping[str, Any]]) -> str:
    """One sentence about the best feedback among the results of a record, which have some."""
    rows = [row for row in results if row["passages"]]
    best = max(rows, key=lambda row: float(row["scores"][PRIMARY]))
    against = best["change"][PRIMARY]
    verdict = "not to be told from" if against["p_holm"] >= SIGNIFICANT else "better than"
    if against["p_holm"] < SIGNIFICANT and against["difference"] < 0:
        verdict = "worse than"
    p = p_text(against["p_holm"])
    return (
        f"In words: the best feedback here, {best['method']} with k = {best['passages']}, is {verdict} no feedback "
        f"({against['difference']:+.4f} {PRIMARY}, p {p if p.startswith('<') else f'= {p}'}); "
        f"one step of more feedback hurts up to {100 * max(row['hurt_by_more'] for row in rows):.1f} % of the queries."
    )


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    # Not rich's table, which shortens numbers where the terminal is narrow.
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))])
        for first, *rest in lines
    ]
