"""Search an index with a file of queries, or a collection by BM25, and write a run in TREC form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cmploss.cli.console import check_given, new_path, out
from cmploss.errors import UserError
from cmploss.options import parse_arguments


@dataclass(frozen=True)
class SearchFlags:
    """What to search.

    Attributes:
        index: Folder of an index; its own model encodes the queries.
        documents: A collection to search by BM25, instead of an index.
        queries: BEIR folder, or a file: JSON lines, TREC, SMART, or id TAB text.
        output_file: New run file to write.
        k: Documents per query.
        model: New location of the index's model, if it has moved.
        query_vectors: Vectors of the queries that another tool has made, as for retrieve index.
        approximate: Search by faiss, hnsw or ivf, instead of exactly.
    """

    index: str | None = None
    documents: str | None = None
    queries: str = ""
    output_file: str = "results.run"
    k: int = 1000
    model: str | None = None
    query_vectors: str | None = None
    approximate: Literal["hnsw", "ivf"] | None = None


USAGE = "--index FOLDER | --documents FILE --queries FILE [--output_file results.run]"
SECTIONS = (SearchFlags,)


def run(argv: Sequence[str]) -> None:
    flags = parse_arguments(argv, SECTIONS)[SearchFlags]
    check_given(flags, ("queries",), f"retrieve search {USAGE}")
    if bool(flags.index) == bool(flags.documents):
        raise UserError("give either --index (vector search) or --documents (BM25)")
    if flags.k < 1:
        raise UserError(f"--k must be >= 1, got {flags.k}")
    output = new_path("output_file", flags.output_file)
    from cmploss.retrieval.corpus import read_documents, read_queries

    queries = read_queries(flags.queries)
    documents = read_documents(flags.documents) if flags.documents else None
    from cmploss.retrieval import approximate, bm25_run, load_index, query_vectors, run_of, write_run

    if documents is not None:
        found, tag = bm25_run(documents, queries, flags.k), "bm25"
    else:
        index = load_index(str(flags.index))
        if flags.approximate:
            index = approximate(index, flags.approximate, str(flags.index), out.print)
        vectors = query_vectors(index, queries, flags.query_vectors, flags.model)
        found, tag = run_of(queries.ids, index, index.search(vectors, flags.k)), index.kind
    write_run(found, output, tag=tag)
    out.print(f"{sum(len(row) for row in found.values())} results for {len(queries)} queries written to {output}")
