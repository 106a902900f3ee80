"""Queries with their first-pass results and relevant documents, over one index."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.errors import UserError
from cmploss.retrieval.corpus import Texts, read_documents, read_queries
from cmploss.retrieval.index import Index, load_index
from cmploss.retrieval.index_builder import encoder_of, has_known_encoder, texts_fingerprint
from cmploss.retrieval.scoring import relevant_queries, run_of
from cmploss.retrieval.trec_files import Qrels, Run, best_first, check_qrels, read_qrels, read_run
from cmploss.tasks.prf.prf_config import PrfConfig
from cmploss.tasks.splits import SEED, SPLITS, Split, notes_on_shared, split_missing

QUERIES_FILE = "trained_queries.json"  # in the folder of a reformulator: hashes of its training queries
COLUMNS = ("ids", "texts", "retrieved", "relevant")


@dataclass(frozen=True)
class RankedQueries:
    """Queries with their first-pass results (best first) and relevant documents, as rows of an index.

    Judged queries are left out: ``unused`` of them for lack of a relevant document, ``unread`` for lack of a result.
    """

    ids: list[str]
    texts: list[str]
    retrieved: list[list[int]]
    relevant: list[list[int]]
    qrels: Qrels = field(default_factory=dict)
    unused: int = 0
    unread: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, places: Iterable[int]) -> "RankedQueries":
        """The queries at these places, in that order."""
        chosen = list(places)
        columns: dict[str, Any] = {name: [getattr(self, name)[place] for place in chosen] for name in COLUMNS}
        return replace(self, **columns, qrels={query: self.qrels[query] for query in columns["ids"]})

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256("\n".join([*self.ids, *self.texts]).encode())
        for rows in (*self.retrieved, *self.relevant):
            digest.update(np.array([len(rows), *rows], dtype=np.int64).tobytes())
        digest.update(json.dumps(self.qrels, sort_keys=True).encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class PrfData:
    """The data of a reformulator, in the vector space of ``index``.

    ``documents`` is the text of every row of the index, ``level`` the lowest grade that is relevant; ``notes`` has one
    sentence for each omission or split. ``matrix`` has the rows that the training loss is over, besides relevant ones;
    without it, they are all that the training queries retrieved.
    """

    name: str
    index: Index
    documents: Sequence[str]
    splits: Mapping[Split, RankedQueries]
    level: int = 1
    notes: tuple[str, ...] = ()
    matrix: list[int] | None = None


def load_prf_data(config: PrfConfig, model: str | None = None, *, split_off: bool = True) -> PrfData:
    """Read an index with its documents, queries and judgements, and check that they fit together.

    ``model`` is the new location of the index's model, if it has moved. With ``split_off`` a missing validation or test
    split is taken from the training queries.
    """
    for name in ("index", "documents", "train_queries", "train_qrels"):
        if not getattr(config, name):
            raise UserError(f"--{name} is missing; --task prf needs an index, its documents, queries and judgements")
    index = load_index(str(config.index))
    documents = check_documents(read_documents(str(config.documents)), index)
    rows = {key: row for row, key in enumerate(index.ids)}
    splits: dict[Split, RankedQueries] = {}
    for split in SPLITS:
        file = getattr(config, f"{split}_qrels")
        if file:
            queries = read_queries(getattr(config, f"{split}_queries") or str(config.train_queries))
            qrels = check_qrels(
                read_qrels(file, config.qrels_form), file, queries, index.ids, partial=config.partial_collection
            )
            run_file = getattr(config, f"{split}_run_file")
            run = (
                read_run(run_file, config.run_form)
                if run_file
                else _first_pass(index, queries, qrels, model, config, split)
            )
            splits[split] = ranked_queries(
                queries, qrels, run, rows, level=config.relevance_level, source=run_file or "the search", split=split
            )
    notes = [
        f"{split}: {count} judged queries without {what} are left out"
        for split, ranked in splits.items()
        for count, what in ((ranked.unused, "a relevant passage"), (ranked.unread, "a result"))
        if count
    ]
    if split_off:
        splits, made = split_missing(splits, _choose, str(config.train_qrels), f"queries (random, seed {SEED})")
        notes += made
    notes += notes_on_shared({split: [(text,) for text in of.texts] for split, of in splits.items()}, "query")
    matrix, missing = matrix_rows(config, splits["train"].ids, rows) if config.matrix else (None, [])
    notes += missing
    name, level = Path(str(config.documents)).stem, config.relevance_level
    return PrfData(name, index, documents, splits, level, tuple(notes), matrix)


def matrix_rows(config: PrfConfig, queries: Sequence[str], rows: Mapping[str, int]) -> tuple[list[int], list[str]]:
    """The rows of the first documents of the queries in every file of ``matrix_runs``, ascending, and notes."""
    found: set[int] = set()
    notes = []
    for file, depth in config.matrix:
        run = read_run(file, config.run_form)
        if not run.keys() & set(queries):
            raise UserError(f"--matrix_runs {file}: has none of the {len(queries)} training queries; give them")
        missing = sum(key not in run for key in queries)
        if missing:
            notes.append(f"{missing} of {len(queries)} training queries are not in --matrix_runs {file}")
        for key in queries:
            found.update(_rows(key, best_first(run.get(key, {}))[:depth], rows, f"in {file},"))
    return sorted(found), notes


def ranked_queries(
    queries: Texts,
    qrels: Qrels,
    run: Run,
    rows: Mapping[str, int],
    *,
    level: int = 1,
    source: str = "the run",
    split: Split = "train",
) -> RankedQueries:
    """The judged queries that have a document of grade ``level`` or more, with the results of a first pass.

    Training queries without results are left out.
    """
    texts = dict(zip(queries.ids, queries.texts, strict=True))
    judged = relevant_queries(qrels, level)
    found = {key: grades for key, grades in judged.items() if run.get(key)}
    for key in judged:
        if key not in texts:
            raise UserError(f"{queries.source}: judged query {key!r} is not among the queries; give its text")
        if key not in found and (split != "train" or not found):
            raise UserError(
                f"{source}: has no results for query {key!r}; give a run with results for each {split} query, or "
                f"remove the judgements of this query from --{split}_qrels"
            )
    ranked = {key: best_first(run[key]) for key in found}
    return RankedQueries(
        list(found),
        [texts[key] for key in found],
        [_rows(key, ranked[key], rows, "retrieved") for key in found],
        [_rows(key, [name for name in of if of[name] >= level], rows, "relevant") for key, of in found.items()],
        {key: dict(grades) for key, grades in found.items()},
        unused=len(qrels) - len(judged),
        unread=len(judged) - len(found),
    )


def query_key(text: str) -> str:
    """12 hexadecimal digits of SHA-256 over a query without case and repeated white space."""
    return hashlib.sha256(" ".join(text.casefold().split()).encode()).hexdigest()[:12]


def check_documents(documents: Texts, index: Index) -> list[str]:
    """The text of every row of an index; refuses documents of another collection."""
    made_of = index.settings.get("collection")
    if documents.ids != index.ids or made_of not in (None, texts_fingerprint(documents)):
        raise UserError(f"{documents.source}: has other documents than the index; give the collection of the index")
    return documents.texts


def _first_pass(index: Index, queries: Texts, qrels: Qrels, model: str | None, config: PrfConfig, split: Split) -> Run:
    if not has_known_encoder(index):
        raise UserError(
            f"--{split}_run_file is missing: cmploss cannot encode queries for the index of {index.model}; every split "
            "needs its run file"
        )
    judged = queries.only(relevant_queries(qrels, config.relevance_level))
    found = index.search(encoder_of(index, model).queries(judged.texts), config.first_pass_depth)
    return run_of(judged.ids, index, found)


def _choose(train: RankedQueries, missing: Sequence[Split]) -> dict[Split, RankedQueries]:
    """A fifth of the queries for testing, a tenth for validation, at least one each."""
    order = np.random.RandomState(SEED).permutation(len(train)).tolist()
    if len(order) <= len(missing):
        raise UserError(f"{len(order)} training queries cannot be split; give --validation_qrels")
    found: dict[Split, RankedQueries] = {}
    for split in missing:
        size = max(1, round((0.2 if split == "test" else 0.1) * len(train)))
        found[split], order = train.only(sorted(order[:size])), order[size:]
    return {**found, "train": train.only(sorted(order))}


def _rows(query: str, names: Sequence[str], rows: Mapping[str, int], what: str) -> list[int]:
    unknown = [name for name in names if name not in rows]
    if unknown:
        raise UserError(f"query {query!r}: {what} document {unknown[0]!r} is not in the index")
    return [rows[name] for name in names]
