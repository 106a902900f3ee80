"""What a reformulator is trained on: queries, first passes, judgements, and the splits of files."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from cmploss.errors import UserError
from cmploss.losses import reformulation_losses
from cmploss.retrieval import Texts
from cmploss.tasks.prf.prf_config import PrfConfig
from cmploss.tasks.prf.prf_data import PrfData, RankedQueries, load_prf_data, ranked_queries
from cmploss.tasks.prf.prf_task import PassageRows, ReformulationLoss, candidates
from tests.retrieval.tiny_retriever import index_of, retriever_of
from tests.retrieval.world import documents_of

QUERIES = Texts("queries", ["q1", "q2", "q3"], ["my door", "the hub is quick", "so slow"])
ROWS = {"a": 0, "b": 1, "c": 2, "d": 3}
QRELS = {"q2": {"c": 1, "a": 2, "b": 0}, "q1": {"d": 0}}
RUN = {"q1": {"a": 1.0}, "q2": {"a": 0.5, "b": 0.9, "c": 0.5}}


def test_judged_queries_with_their_results_in_order():
    """q3 is not judged, nothing is relevant to q1; of the equal scores .5 the larger id c comes before a."""
    found = ranked_queries(QUERIES, QRELS, RUN, ROWS)
    expected = RankedQueries(["q2"], ["the hub is quick"], [[1, 2, 0]], [[2, 0]], {"q2": QRELS["q2"]}, unused=1)
    assert found == expected


def test_the_level_decides_what_is_relevant():
    assert ranked_queries(QUERIES, QRELS, RUN, ROWS, level=2).relevant == [[0]]
    with pytest.raises(UserError, match="--relevance_level 3: no query has a document of that grade"):
        ranked_queries(QUERIES, QRELS, RUN, ROWS, level=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qrels": {"q9": {"a": 1}}}, "queries: judged query 'q9' is not among the queries"),
        ({"run": {"q1": {"a": 1.0}}}, "the run: has no results for query 'q2'"),
        ({"run": {"q2": {"x": 1.0}}}, "query 'q2': retrieved document 'x' is not in the index"),
        ({"qrels": {"q2": {"y": 1}}}, "query 'q2': relevant document 'y' is not in the index"),
    ],
)
def test_bad_data(change, message):
    with pytest.raises(UserError, match=message):
        ranked_queries(**{"queries": QUERIES, "qrels": QRELS, "run": RUN, "rows": ROWS, **change})


def test_a_subset_keeps_the_columns_together():
    ranked = RankedQueries(["q", "p"], ["a", "b"], [[7], [3]], [[9], [0]], {"q": {"d9": 1}, "p": {"d0": 2}})
    assert ranked.only([1]) == RankedQueries(["p"], ["b"], [[3]], [[0]], {"p": {"d0": 2}})
    assert ranked.only([0, 1]).sha256 == ranked.sha256 != ranked.only([1, 0]).sha256


def test_a_changed_grade_is_other_data():
    """nDCG depends on grades, also of documents that stay relevant, or stay not relevant."""
    hashes = {
        ranked_queries(QUERIES, {"q2": {"c": 1, "a": a, "b": b}}, RUN, ROWS).sha256
        for a, b in ((2, 0), (1, 0), (1, -1))
    }
    assert len(hashes) == 3


def test_the_matrix_is_the_union_of_retrieved_and_relevant_passages():
    one = RankedQueries(["q"], ["text"], [[7, 3]], [[9]])
    two = RankedQueries(["p"], ["text"], [[3]], [[0, 7]])
    other = RankedQueries(["o"], ["text"], [[5]], [[6]])  # of the test split: not in the loss
    index = SimpleNamespace(vectors=np.arange(20.0).reshape(10, 2))
    splits = {"train": one, "validation": two, "test": other}
    assert candidates(PrfData("", index, (), splits, matrix=[8, 3])).rows.tolist() == [0, 3, 7, 8, 9]
    found = candidates(PrfData("", index, (), splits))
    assert found.rows.tolist() == [0, 3, 7, 9]
    assert found.shape == (4, 2)
    assert found[1:3].tolist() == [[6, 7], [14, 15]]
    assert found[np.array([3, 0])].tolist() == [[18, 19], [0, 1]]


@pytest.mark.parametrize("sparse", [False, True])
def test_the_task_loss_reads_chosen_rows(sparse):
    matrix = torch.randn(10, 4, generator=torch.Generator().manual_seed(0)).relu()
    rows = np.array([1, 4, 5, 8])
    passages = PassageRows(csr_matrix(matrix.numpy()) if sparse else matrix.numpy(), rows)
    vectors, relevant = torch.randn(2, 4), torch.tensor([[0, 3], [2, -1]])
    outputs = type("", (), {"vectors": vectors})
    found = ReformulationLoss(passages, 2.0)(outputs, {"relevant": relevant})
    torch.testing.assert_close(found, reformulation_losses(vectors, relevant, matrix[rows], scale=2.0))


@pytest.fixture
def files(tmp_path):
    """A collection of 30 documents with its index; 10 queries, each of two words of the one relevant document."""
    documents = documents_of(30)
    encoder = retriever_of(tmp_path / "made")
    index_of(encoder, documents).save(tmp_path / "index")
    lines = zip(documents.ids, documents.texts, strict=True)
    (tmp_path / "docs.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in lines))
    texts = [" ".join(text.split()[:2]) for text in documents.texts[:10]]
    (tmp_path / "queries.tsv").write_text("".join(f"q{number}\t{text}\n" for number, text in enumerate(texts)))
    for name, numbers in {"all": range(10), "some": range(3), "none": ()}.items():
        judged = "".join(f"q{number} 0 d{number} {int(number in numbers)}\n" for number in range(10))
        (tmp_path / f"{name}.txt").write_text(judged)
    return tmp_path


def config_of(files, **options):
    names = {"index": "index", "documents": "docs.tsv", "train_queries": "queries.tsv", "train_qrels": "all.txt"}
    paths = {
        name: str(files / file)
        for name, file in (names | options).items()
        if isinstance(file, str) and name != "run_form"
    }
    return PrfConfig(**options | paths)


def test_missing_splits_are_taken_from_the_training_queries(files):
    data = load_prf_data(config_of(files, first_pass_depth=5))
    assert {split: len(ranked) for split, ranked in data.splits.items()} == {"train": 7, "validation": 1, "test": 2}
    assert sorted(key for ranked in data.splits.values() for key in ranked.ids) == [
        f"q{number}" for number in range(10)
    ]
    assert any("was split into 7 training + 1 validation + 2 test queries" in note for note in data.notes)
    assert {len(rows) for ranked in data.splits.values() for rows in ranked.retrieved} == {5}
    assert data.splits["test"].qrels == {key: {f"d{key[1:]}": 1} for key in data.splits["test"].ids}
    assert data.name == "docs"


def test_the_first_pass_is_a_search_of_the_index_or_a_run_file(files):
    run = "".join(f"q{number} Q0 d{29 - number} 1 1.0 x\n" for number in range(10))
    (files / "first.run").write_text(run)
    data = load_prf_data(config_of(files, train_run_file="first.run"), split_off=False)
    assert data.splits["train"].retrieved == [[29 - number] for number in range(10)]
    searched = load_prf_data(config_of(files, first_pass_depth=3), split_off=False).splits["train"]
    encoder, index = retriever_of(files / "again"), data.index
    _, rows = index.search(encoder.queries(searched.texts), 3)
    assert [set(found) for found in searched.retrieved] == [set(row) for row in rows.tolist()]


def test_the_matrix_of_several_runs(files):
    """Of own.run the first two documents of a query, of other.run all; only the queries that are trained on count."""
    ranked = {n: (10 + 2 * n, 11 + 2 * n, n) for n in range(10)}
    lines = (f"q{n} Q0 d{row} 1 {9 - k} x\n" for n, rows in ranked.items() for k, row in enumerate(rows))
    (files / "own.run").write_text("".join(lines))
    (files / "other.run").write_text("q0 Q0 d5 1 1.0 x\n")
    runs = {"matrix_runs": f"{files / 'own.run'}:2,{files / 'other.run'}"}
    data = load_prf_data(config_of(files, train_run_file="own.run", **runs), split_off=False)
    assert data.matrix == [5, *range(10, 30)]
    assert candidates(data).rows.tolist() == [*range(30)]  # d0 to d9 are relevant
    assert data.notes == (f"9 of 10 training queries are not in --matrix_runs {files / 'other.run'}",)
    part = load_prf_data(config_of(files, first_pass_depth=1, **runs))
    assert len(part.splits["train"].ids) == 7
    trained = [int(key[1:]) for key in part.splits["train"].ids]
    assert part.matrix == sorted({row for n in trained for row in ranked[n][:2]} | ({5} if 0 in trained else set()))


def test_queries_that_occur_in_two_splits_are_noted(files):
    data = load_prf_data(config_of(files, validation_qrels="some.txt"), split_off=False)
    assert data.notes == (
        "validation: 7 judged queries without a relevant passage are left out",
        "3 queries of the validation split also occur in the training split.",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": None}, "--index is missing"),
        ({"train_qrels": "none.txt"}, "--relevance_level 1: no query has a document of that grade"),
        ({"documents": "queries.tsv"}, "queries.tsv: has other documents than the index"),
        ({"validation_run_file": "x"}, "--validation_run_file needs --validation_qrels"),
        ({"first_pass_depth": 0}, "--first_pass_depth must be >= 1, got 0"),
        ({"run_form": "ranks"}, "--run_form ranks is the form of run files, and none is given"),
        ({"train_run_file": "x", "first_pass_depth": 5}, "--first_pass_depth is for searches, and all splits"),
        ({"matrix_runs": "own.run:0"}, "own.run:0 must be FILE or FILE:DEPTH, with a depth from 1"),
        ({"matrix_runs": "a.run,"}, "a.run, must be FILE or FILE:DEPTH"),
        ({"score_scale": 0.0}, "--score_scale must be > 0, got 0.0"),
    ],
)
def test_faulty_files(options, message, files):
    with pytest.raises(UserError, match=message):
        load_prf_data(config_of(files, **options))
