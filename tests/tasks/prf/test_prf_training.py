"""What a reformulator is trained on, and its Trainer."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from transformers import TrainingArguments

from cmploss import LoL
from cmploss.errors import UserError
from cmploss.losses import reformulation_losses
from cmploss.retrieval import Texts
from cmploss.tasks.prf.prf_config import FeedbackConfig
from cmploss.tasks.prf.prf_training import (
    PassageRows,
    RankedQueries,
    ReformulationLoss,
    candidates,
    feedback_dataset,
    published_training,
    ranked_queries,
    reformulator_trainer,
)
from cmploss.tasks.prf.reformulators import dense_reformulator
from cmploss.tasks.prf.revisions import FeedbackReader
from tests.retrieval.tiny_retriever import index_of, retriever_of
from tests.retrieval.world import documents_of

QUERIES = Texts("queries", ["q1", "q2", "q3"], ["my door", "the hub is quick", "so slow"])
ROWS = {"a": 0, "b": 1, "c": 2, "d": 3}
QRELS = {"q2": {"c": 1, "a": 2, "b": 0}, "q1": {"d": 0}}
RUN = {"q1": {"a": 1.0}, "q2": {"a": 0.5, "b": 0.9, "c": 0.5}}


def test_judged_queries_with_their_results_in_order():
    """q3 is not judged, nothing is relevant to q1; of the equal scores .5 the larger id c stands before a."""
    found = ranked_queries(QUERIES, QRELS, RUN, ROWS)
    assert found == RankedQueries(["q2"], ["the hub is quick"], [[1, 2, 0]], [[2, 0]], unused=1)


def test_the_level_decides_what_is_relevant():
    assert ranked_queries(QUERIES, QRELS, RUN, ROWS, level=2).relevant == [[0]]
    with pytest.raises(UserError, match="no query has a document of grade 3 or more"):
        ranked_queries(QUERIES, QRELS, RUN, ROWS, level=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qrels": {"q9": {"a": 1}}}, "queries: judged query 'q9' is not among the queries"),
        ({"run": {"q1": {"a": 1.0}}}, "the run has no results for query 'q2'"),
        ({"run": {"q2": {"x": 1.0}}}, "query 'q2': the run retrieves document 'x', which the index does not have"),
        ({"qrels": {"q2": {"y": 1}}}, "query 'q2': relevant is document 'y', which the index does not have"),
    ],
)
def test_bad_data(change, message):
    with pytest.raises(UserError, match=message):
        ranked_queries(**{"queries": QUERIES, "qrels": QRELS, "run": RUN, "rows": ROWS, **change})


def test_the_matrix_is_the_union_of_retrieved_and_relevant_passages():
    one = RankedQueries(["q"], ["text"], [[7, 3]], [[9]])
    two = RankedQueries(["p"], ["text"], [[3]], [[0, 7]])
    matrix = np.arange(20.0).reshape(10, 2)
    found = candidates(matrix, one, two)
    assert found.rows.tolist() == [0, 3, 7, 9]
    assert found.shape == (4, 2)
    assert found[1:3].tolist() == [[6, 7], [14, 15]]
    assert found[np.array([3, 0])].tolist() == [[18, 19], [0, 1]]


def test_relevant_rows_count_within_the_matrix(tmp_path):
    ranked = RankedQueries(["q", "p"], ["my door", "so slow"], [[7, 3], [3]], [[9], [7, 0]])
    documents = [f"the lamp {number}" for number in range(10)]
    reader = FeedbackReader(retriever_of(tmp_path).module.tokenizer, FeedbackConfig(max_feedback=1))
    passages = candidates(np.zeros((10, 2)), ranked)
    data = feedback_dataset(ranked, documents, passages, reader, size=1)
    assert [list(data[index][0].relevant) for index in range(2)] == [[3], [2, 0]]


@pytest.mark.parametrize("sparse", [False, True])
def test_the_task_loss_reads_chosen_rows(sparse):
    matrix = torch.randn(10, 4, generator=torch.Generator().manual_seed(0)).relu()
    rows = np.array([1, 4, 5, 8])
    passages = PassageRows(csr_matrix(matrix.numpy()) if sparse else matrix.numpy(), rows)
    vectors, relevant = torch.randn(2, 4), torch.tensor([[0, 3], [2, -1]])
    outputs = type("", (), {"vectors": vectors})
    found = ReformulationLoss(passages, 2.0)(outputs, {"relevant": relevant})
    torch.testing.assert_close(found, reformulation_losses(vectors, relevant, matrix[rows], scale=2.0))


@pytest.mark.parametrize(("revisions", "queries", "epochs"), [(1, 108, 12), (2, 54, 6), (3, 36, 4)])
def test_every_number_of_revisions_sees_as_many(revisions, queries, epochs):
    found = published_training("sparse", revisions)
    assert (found["per_device_train_batch_size"], found["num_train_epochs"]) == (queries, epochs)
    assert found["learning_rate"] == 2e-5


def world(tmp_path):
    """A retriever, a collection of 40 documents, and 16 queries of two words, each with one relevant document."""
    encoder, documents = retriever_of(tmp_path / "made"), documents_of(40)
    index = index_of(encoder, documents)
    texts = [" ".join(documents.texts[number].split()[:2]) for number in range(16)]
    _, rows = index.search(encoder.queries(texts), 6)
    return encoder, documents, index, RankedQueries(
        [f"q{number}" for number in range(16)], texts, rows.tolist(), [[number] for number in range(16)]
    )  # fmt: skip


def trainer_of(folder, made, objective, *, seed=0, callbacks=(), **options):
    encoder, documents, index, ranked = made
    torch.manual_seed(seed)
    model = dense_reformulator(encoder)
    reader = FeedbackReader(encoder.module.tokenizer, FeedbackConfig(max_feedback=3, input_length=32))
    passages = candidates(index.vectors, ranked)
    train = feedback_dataset(ranked, documents.texts, passages, reader, revisions=objective.revisions)
    validation = feedback_dataset(ranked, documents.texts, passages, reader, size=2)
    defaults = {"max_steps": 4, "per_device_train_batch_size": 8, "learning_rate": 1e-3, "logging_steps": 1}
    fixed = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "seed": seed, "save_strategy": "no"}
    args = TrainingArguments(str(folder), **{**defaults, **fixed, **options})
    return reformulator_trainer(
        model,
        args,
        objective,
        ReformulationLoss(passages, 20.0),
        train,
        validation,
        lambda vectors: {"rows": float(len(vectors))},
        callbacks,
    )


@pytest.mark.parametrize("objective", [LoL(), LoL(0.0, revisions=3), LoL(revisions=1)], ids=repr)
def test_training_lowers_the_loss_of_validation(objective, tmp_path):
    trainer = trainer_of(tmp_path, world(tmp_path), objective, max_steps=12)
    before = trainer.evaluate()
    trainer.train()
    after = trainer.evaluate()
    assert after["eval_loss"] < before["eval_loss"] - 0.01
    assert before["eval_rows"] == 16
    logged = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert ("penalty" in logged) == (objective.revisions > 1)


def test_validation_is_the_mean_loss_of_the_fixed_size(tmp_path):
    made = world(tmp_path)
    trainer = trainer_of(tmp_path, made, LoL(), per_device_eval_batch_size=5)
    trainer.model.eval()
    data, losses = trainer.eval_dataset, []
    for index in range(len(data)):
        batch = trainer.data_collator([data[index]])["views"][0]
        relevant = batch.pop("relevant")
        with torch.no_grad():
            losses += trainer._task_loss(trainer.model, {})(trainer.model(**batch), {"relevant": relevant}).tolist()
    assert trainer.evaluate()["eval_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_a_resumed_run_is_an_uninterrupted_one(tmp_path):
    made = world(tmp_path)
    options = {"save_strategy": "steps", "save_steps": 2, "train_sampling_strategy": "random"}
    whole = trainer_of(tmp_path / "whole", made, LoL(), **options)
    whole.train()
    weights = {name: value.clone() for name, value in whole.model.state_dict().items()}
    made = world(tmp_path / "again")
    again = trainer_of(tmp_path / "whole", made, LoL(), **options)
    fresh = {name: value.clone() for name, value in again.model.state_dict().items()}
    again.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
    assert again.state.global_step == 4
    assert not torch.equal(fresh["head.linear.weight"], weights["head.linear.weight"])
    for name, value in again.model.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=1e-5, atol=1e-7)
