"""Search an index with a file of queries, or a collection by BM25, and write a run in TREC form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cmploss.cli.console import check_given, check_unused, new_path, out, progress, told_when_interrupted
from cmploss.errors import UserError
from cmploss.options import parse_arguments

if TYPE_CHECKING:
    from cmploss.retrieval import Index
    from cmploss.retrieval.corpus import Texts
    from cmploss.retrieval.feedback_methods import Vectors


@dataclass(frozen=True)
class SearchFlags:
    """What to search.

    Attributes:
        index: Folder of an index; its own model encodes the queries.
        documents: A collection to search by BM25 instead of an index; with a reformulator the collection of the index.
        queries: BEIR folder, or a file: JSON lines, TREC, SMART, or id TAB text.
        output_file: New run file to write.
        k: Documents per query.
        k1: Saturation of term counts in BM25.
        b: Share of the document length in BM25.
        model: New location of the index's model, if it has moved.
        query_vectors: Vectors of the queries that another tool has made, as for retrieve index.
        reformulator: Folder of a reformulator that revises the queries; no judgements are needed.
        feedback_passages: Passages of the first search that it reads; by default as many as it can.
        approximate: Search by faiss, hnsw or ivf, instead of exactly.
    """

    index: str | None = None
    documents: str | None = None
    queries: str = ""
    output_file: str = "results.run"
    k: int = 1000
    k1: float = 0.9
    b: float = 0.4
    model: str | None = None
    query_vectors: str | None = None
    reformulator: str | None = None
    feedback_passages: int | None = None
    approximate: Literal["hnsw", "ivf"] | None = None


USAGE = "--index FOLDER | --documents FILE --queries FILE [--output_file results.run]"
SECTIONS = (SearchFlags,)
KEEPS = "nothing is written"


def run(argv: Sequence[str]) -> None:
    options = parse_arguments(argv, SECTIONS)
    flags = options[SearchFlags]
    check_given(flags, ("queries",), f"retrieve search {USAGE}")
    if flags.reformulator and not (flags.index and flags.documents):
        raise UserError("--reformulator needs --index, and as --documents the collection of the index")
    if bool(flags.index) == bool(flags.documents) and not flags.reformulator:
        raise UserError("give either --index (vector search) or --documents (BM25)")
    if flags.index:
        check_unused(options.given, ("k1", "b"), "the search of an --index")
    else:
        check_unused(options.given, ("model", "query_vectors", "approximate"), "BM25")
    if flags.feedback_passages is not None and not (flags.reformulator and flags.feedback_passages >= 0):
        raise UserError("--feedback_passages is a number >= 0, the passages that --reformulator reads")
    if flags.k < 1:
        raise UserError(f"--k must be >= 1, got {flags.k}")
    if not (flags.k1 >= 0 and 0 <= flags.b <= 1):
        raise UserError(f"--k1 must be >= 0 and --b from 0 to 1, got {flags.k1:g} and {flags.b:g}")
    output = new_path("output_file", flags.output_file)
    from cmploss.retrieval.corpus import read_documents, read_queries

    queries = read_queries(flags.queries)
    documents = read_documents(flags.documents) if flags.documents else None
    from cmploss.inference import watched
    from cmploss.retrieval import approximate, bm25_run, load_index, query_vectors, run_of, write_run

    if documents is not None and not flags.reformulator:
        with told_when_interrupted(KEEPS):
            found, tag = bm25_run(documents, queries, flags.k, k1=flags.k1, b=flags.b), "bm25"
    else:
        index = load_index(str(flags.index))
        if flags.approximate:
            index = approximate(index, flags.approximate, str(flags.index), out.print)
        work = 3 if flags.reformulator else 1  # two searches, and the passes of the reformulator between them
        with told_when_interrupted(KEEPS), progress("searching", work) as advance:
            vectors = query_vectors(index, queries, flags.query_vectors, flags.model)
            with watched(advance):
                if flags.reformulator and documents is not None:
                    vectors = _revised(flags, index, documents, queries.texts, vectors)
                found, tag = run_of(queries.ids, index, index.search(vectors, flags.k)), index.kind
    write_run(found, output, tag=tag)
    out.print(f"{sum(len(row) for row in found.values())} results for {len(queries)} queries written to {output}")


def _revised(
    flags: SearchFlags, index: "Index", documents: "Texts", queries: Sequence[str], vectors: "Vectors"
) -> "Vectors":
    """The vectors of queries with the passages of a first search."""
    from cmploss.retrieval.feedback_methods import revise
    from cmploss.tasks.prf import TrainedFeedback
    from cmploss.tasks.prf.prf_data import check_documents

    trained = TrainedFeedback.load(str(flags.reformulator))
    most = min(trained.reader.config.max_feedback, len(index.ids))
    passages = most if flags.feedback_passages is None else flags.feedback_passages
    if passages > most:
        raise UserError(f"--feedback_passages {passages}: there are at most {most} to read")
    method = trained.method(index, check_documents(documents, index))
    return revise(method, queries, vectors, index.search(vectors, max(passages, 1)), passages)
