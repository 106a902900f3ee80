"""Passages for queries: what is read, measured, divided and written."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cmploss.cli.main import main
from cmploss.errors import UserError
from cmploss.losses.per_example import multi_label_losses
from cmploss.models import row_task_of
from cmploss.retrieval.trec_files import read_run
from cmploss.studies import compare
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import table_of
from cmploss.tasks.folds import Folds
from cmploss.tasks.rerank.judged_rows import Judged, read_judged
from cmploss.tasks.rerank.rerank_kind import RerankKind
from cmploss.tasks.rows.load_rows import assembled, fold_of, held_out_rows
from cmploss.tasks.rows.row_kind import Found
from tests.local_model import save_encoder
from tests.tasks.rows.files import judged, lines_of

ROW = {"query": "lamp", "passage": "the lamp is new", "label": 1}


def read(*rows, labelled=True, **options):
    return read_judged(table_of(list(rows), "rows"), DataConfig(**options), None, labelled)


def found_of(*rows):
    """(query, passage, grade, logit) of each pair."""
    examples = [Judged(query, passage, query, passage, grade) for query, passage, grade, _ in rows]
    return Found([np.array([logit]) for *_, logit in rows], np.zeros(len(rows)), examples)


KIND = RerankKind.__new__(RerankKind)  # no tokenizer is needed to score


def test_measures_by_hand():
    found = found_of(
        ("a", "1", 0, 3.0), ("a", "2", 1, 2.0), ("a", "3", 0, 1.0), ("a", "4", 2, 0.0),  # relevant: second and fourth
        ("b", "1", 1, 5.0), ("b", "2", 0, 4.0),
        ("c", "1", 0, 1.0),  # no relevant passage, so it is not scored
    )  # fmt: skip
    gain = (1 / math.log2(3) + 2 / math.log2(5)) / (2 / math.log2(2) + 1 / math.log2(3))
    scores = KIND.scores(found, None)
    assert scores == pytest.approx({"nDCG@10": 100 * (gain + 1) / 2, "RR@10": 100 * (1 / 2 + 1) / 2})
    lists = KIND.lists(found, None)
    assert (lists["ids"], lists["labels"], lists["predictions"]) == (["a", "b"], [["2", "4"], ["1"]], ["1", "1"])
    assert lists["RR@10"] == [50.0, 100.0]
    assert KIND.texts(found.examples) == [("a", "2\n4"), ("b", "1")]


def test_the_loss_of_a_pair_is_the_cross_entropy_of_a_sigmoid():
    logits, labels = torch.tensor([[2.0], [-1.0]]), torch.tensor([[1.0], [1.0]])
    expected = [-math.log(1 / (1 + math.exp(-2))), -math.log(1 / (1 + math.exp(1)))]
    assert multi_label_losses(logits, labels).tolist() == pytest.approx(expected)
    assert F.binary_cross_entropy_with_logits(logits, labels).item() == pytest.approx(sum(expected) / 2)


def test_ids_are_read_or_made_from_equal_queries():
    rows = [{**ROW, "query": name} for name in ("lamp", "door", "lamp")]
    assert [(each.query_id, each.passage_id) for each in read(*rows)] == [("1", "1"), ("2", "2"), ("1", "3")]
    named = read({**ROW, "qid": 7, "docid": "d"}, {**ROW, "qid": 8, "docid": "d"})
    assert [(each.query_id, each.passage_id) for each in named] == [("7", "d"), ("8", "d")]
    other = {"claim": "lamp", "abstract": "new", "grade": "2"}
    assert read(other, text_column="claim,abstract") == (Judged("lamp", "new", "1", "1", 2),)
    assert read({"query": "lamp", "text": "new"}, labelled=False)[0].grade == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"query": "lamp", "label": 1}], "no columns have common names for a query and a passage"),
        ([{**ROW, "label": -1}], "row 1, column 'label': the grade -1 is not a whole number from 0"),
        ([{**ROW, "label": 0.5}], r"the grade 0\.5 is not a whole number"),
        ([{**ROW, "label": 10**400}], "the grade 10+… is not a whole number"),
        ([{**ROW, "label": True}], "the grade True is not a whole number"),
        ([{**ROW, "query": " "}], "row 1, column 'query': the text is empty"),
        ([{"query": "lamp", "passage": "new"}], "has no column 'label'"),
        ([{**ROW, "query_id": "a b"}], "the id 'a b' has white space"),
        ([{**ROW, "query_id": ""}], "row 1, column 'query_id': the id is empty"),
        (
            [{**ROW, "qid": 1, "pid": 1}] * 2,
            "row 2, column 'pid': query '1' has passage '1' in row 1 too",
        ),
        ([{**ROW, "qid": 1}, {**ROW, "qid": 1, "query": "door"}], "column 'qid': query '1' has another text before"),
    ],
)
def test_faults_are_named_in_one_line(rows, message):
    with pytest.raises(UserError, match=message) as caught:
        read(*rows)
    assert "\n" not in str(caught.value)


def test_data_without_both_kinds_of_passages_are_refused():
    for label, kind in ((1, "irrelevant"), (0, "relevant")):
        table = table_of([{**row, "label": label} for row in judged(16)], "rows")
        with pytest.raises(UserError, match=f"rows: has no {kind} passage; give passages of both kinds"):
            assembled({"train": table}, "data", DataConfig("rerank"))


def test_queries_stay_whole_in_splits_samples_and_folds():
    data = assembled({"train": table_of(judged(80), "rows")}, "data", DataConfig("rerank", max_train_samples=21))
    assert {split: len(of) for split, of in data.splits.items()} == {"train": 20, "validation": 8, "test": 16}
    queries = [{each.query_id for each in of} for of in data.splits.values()]
    assert sum(map(len, queries)) == len(set.union(*queries)) == 11
    assert "20 of 56 training examples were drawn (random, by query, seed 0)." in data.notes
    for number in range(3):
        splits = fold_of(data, Folds(3)[number]).splits
        assert not {each.query_id for each in splits["train"]} & {each.query_id for each in splits["test"]}


def test_queries_without_a_relevant_passage_are_counted():
    few = [{**row, "label": 0} if row["query_id"] in ("q0", "q1") else row for row in judged(16)]
    train, test, none = (table_of(rows, "rows") for rows in (judged(80), few, few[:8]))
    data = assembled({"train": train, "test": test}, "data", DataConfig("rerank"))
    assert data.notes[-1] == "2 of 4 queries of the test split have no relevant passage; scores leave them out."
    with pytest.raises(UserError, match="the test split has no query with a relevant passage"):
        assembled({"train": train, "test": none}, "data", DataConfig("rerank"))


def test_too_few_queries_are_refused():
    with pytest.raises(UserError, match="rows: has 2 queries; 3 splits need 3; add queries or give --validation_file"):
        assembled({"train": table_of(judged(8), "rows")}, "data", DataConfig("rerank"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rerank")
    (folder / "train.jsonl").write_text(lines_of(judged(80)))
    options = {"objectives": "supervised", "seeds": 1, "max_steps": 10, "max_length": 16, "use_cpu": True}
    encoder = save_encoder(folder / "encoder")
    return compare(
        task="rerank", train_file=str(folder / "train.jsonl"), model=encoder, output_dir=folder / "study", **options
    )


def test_scores_and_a_run_are_written(study, tmp_path):
    best, new = str(study.folder / "best"), tmp_path / "new.jsonl"
    assert row_task_of(best) == "rerank"
    new.write_text(lines_of([{name: row[name] for name in row if name != "label"} for row in judged(8)]))
    command = ["predict", "--model", best, "--test_file", str(new), "--output_file", str(tmp_path / "scores.csv")]
    assert main([*command, "--run_file", str(tmp_path / "new.run")]) == 0
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0] == "query_id,passage_id,query,passage,score"
    run = read_run(tmp_path / "new.run")
    written = {tuple(line.split(",")[:2]): float(line.split(",")[-1]) for line in lines[1:]}
    assert {(query, name): round(score, 4) for query, of in run.items() for name, score in of.items()} == written


def test_files_of_other_models_are_refused(study, capsys):
    command = ["predict", "--model", str(study.folder / "best"), "--test_file", "x", "--nbest_file", "y"]
    assert main(command) == 2
    assert "--nbest_file is for extractive question answering" in capsys.readouterr().err


def test_nothing_to_score_is_refused(study, tmp_path, capsys):
    (tmp_path / "test.jsonl").write_text(lines_of([{**row, "label": 0} for row in judged(8)]))
    assert main(["evaluate", "--model", str(study.folder / "best"), "--test_file", str(tmp_path / "test.jsonl")]) == 2
    assert "test.jsonl has no query with a relevant passage" in capsys.readouterr().err


def test_no_more_examples_are_scored_than_asked_for(tmp_path):
    (tmp_path / "test.jsonl").write_text(lines_of(judged(16)))
    config = DataConfig(test_file=str(tmp_path / "test.jsonl"), max_eval_samples=9)
    assert len(held_out_rows(config, "rerank", ("relevant",))[1]) == 8
