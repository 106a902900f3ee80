"""PRF as a task: what is trained, how it is scored, and what does not apply."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import TrainingArguments

from cmploss import LoL, Supervised
from cmploss.errors import UserError
from cmploss.model_config import DEFAULT_MODEL, ModelConfig
from cmploss.options import Options
from cmploss.retrieval import EncoderConfig, load_encoder, run_of, score_run
from cmploss.tasks.ablation_curve import Submodels
from cmploss.tasks.base import Sample
from cmploss.tasks.prf.prf_config import FeedbackConfig, PrfConfig
from cmploss.tasks.prf.prf_data import PrfData, RankedQueries
from cmploss.tasks.prf.prf_task import PrfTask, load_task, published_training
from cmploss.tasks.prf.reformulators import TrainedFeedback
from cmploss.training import ObjectiveTrainer
from tests.retrieval.tiny_retriever import index_of, retriever_of
from tests.retrieval.world import documents_of


@pytest.mark.parametrize(("revisions", "queries", "epochs"), [(1, 108, 12), (2, 54, 6), (3, 36, 4)])
def test_every_number_of_revisions_sees_as_many(revisions, queries, epochs):
    found = published_training("sparse", revisions)
    assert (found["per_device_train_batch_size"], found["num_train_epochs"]) == (queries, epochs)
    assert found["learning_rate"] == 2e-5


@pytest.fixture
def task(tmp_path):
    """A retriever, 40 documents, and queries of two words with one relevant document: 16, of which 8 validate."""
    encoder, documents = retriever_of(tmp_path / "made"), documents_of(40)
    index = index_of(encoder, documents)
    texts = [" ".join(documents.texts[number].split()[:2]) for number in range(16)]
    _, rows = index.search(encoder.queries(texts), 6)
    ids = [f"q{number}" for number in range(16)]
    qrels = {key: {f"d{number}": 1} for number, key in enumerate(ids)}
    every = RankedQueries(ids, texts, rows.tolist(), [[number] for number in range(16)], qrels)
    splits = {"train": every, "validation": every.only(range(8)), "test": every.only(range(8, 12))}
    return PrfTask(PrfData("made", index, documents.texts, splits), FeedbackConfig(max_feedback=3, input_length=32))


def trainer_of(folder, task, objective, **options):
    model = task.new_model(0)
    defaults = {"max_steps": 4, "per_device_train_batch_size": 8, "learning_rate": 1e-3, "logging_steps": 1}
    fixed = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "seed": 0, "save_strategy": "no"}
    trainer = ObjectiveTrainer(
        model=model,
        args=TrainingArguments(str(folder), **{**defaults, **fixed, **options}),
        objective=objective,
        task_loss=task.task_loss(),
        train_dataset=task.train(Sample(), max(variant.view for variant in objective.variants)),
        eval_dataset=task.validation(),
        data_collator=task.collator(model),
        compute_metrics=task.scorer(model),
    )
    trainer.label_names = list(task.batch_labels)
    return trainer


OBJECTIVES = [LoL(), LoL(0.0, revisions=3), Supervised(), Supervised(dropout=False)]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_training_lowers_the_loss_of_validation(objective, task, tmp_path):
    trainer = trainer_of(tmp_path, task, objective, max_steps=12)
    before = trainer.evaluate()
    trainer.train()
    after = trainer.evaluate()
    assert after["eval_loss"] < before["eval_loss"] - 0.01
    logged = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert ("penalty" in logged) == (len(objective.variants) > 1)


def test_supervised_is_lol_with_one_revision(task, tmp_path):
    trainers = [trainer_of(tmp_path, task, objective) for objective in (Supervised(), LoL(revisions=1))]
    batch = trainers[0].data_collator([task.train(Sample())[number] for number in range(8)])
    losses = []
    for trainer in trainers:
        torch.manual_seed(0)
        losses.append(trainer.compute_loss(trainer.model.train(), batch).item())
    assert losses[0] == losses[1] > 0


def test_validation_is_the_mean_loss_of_the_fixed_size(task, tmp_path):
    trainer = trainer_of(tmp_path, task, LoL(), per_device_eval_batch_size=5)
    trainer.model.eval()
    data, losses = task.validation(), []
    for index in range(len(data)):
        batch = trainer.data_collator([data[index]])["views"][0]
        relevant = batch.pop("relevant")
        with torch.no_grad():
            losses += task.task_loss()(trainer.model(**batch), {"relevant": relevant}).tolist()
    assert len(losses) == 8
    assert trainer.evaluate()["eval_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_a_resumed_run_is_an_uninterrupted_one(task, tmp_path):
    options = {"save_strategy": "steps", "save_steps": 2, "train_sampling_strategy": "random"}
    whole = trainer_of(tmp_path / "whole", task, LoL(), **options)
    whole.train()
    weights = {name: value.clone() for name, value in whole.model.state_dict().items()}
    again = trainer_of(tmp_path / "whole", task, LoL(), **options)
    fresh = {name: value.clone() for name, value in again.model.state_dict().items()}
    again.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
    assert again.state.global_step == 4
    assert not torch.equal(fresh["head.linear.weight"], weights["head.linear.weight"])
    for name, value in again.model.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=1e-5, atol=1e-7)


def test_relevant_rows_count_within_the_matrix(task):
    rows = task.passages.rows.tolist()
    assert set(rows) >= set(range(16))  # all that is relevant
    data = task.train(Sample())
    assert [[rows[place] for place in data[number][0].relevant] for number in range(16)] == [[n] for n in range(16)]


def test_a_sample_is_drawn_with_its_seed(task):
    def queries(**sample):
        data = task.train(Sample(**sample))
        return [tuple(task.passages.rows[list(data[number][0].relevant)]) for number in range(len(data))]

    assert len(queries(size=5)) == 5
    assert queries(size=5) == queries(size=5) != queries(size=5, seed=1)


def test_scores_are_those_of_searches_with_the_new_vectors(task):
    """With every number of passages on the evaluation split, the largest one is the score that is reported."""
    model = task.new_model(0)
    results = task.results(model, 4, Submodels())
    ranked, index = task.data.splits["test"], task.data.index
    encoder = load_encoder(EncoderConfig(index.model))
    own = score_run(run_of(ranked.ids, index, index.search(encoder.queries(ranked.texts), 1000)), ranked.qrels)
    scores = {(each.split, each.measure, each.at.get("passages")): each.value for each in results.scores}
    for name, values in own.items():  # before training, no passages: the retriever itself
        assert scores["test", name, 0] == pytest.approx(100 * values.mean())
    assert {size for split, name, size in scores if (split, name) == ("test", "nDCG@10")} == {None, 0, 1, 2, 3}
    assert scores["test", "nDCG@10", None] == scores["test", "nDCG@10", 3]
    assert scores["test", "nDCG@10", 3] == pytest.approx(np.mean(results.predictions["test"]["nDCG@10"]))
    assert results.predictions["test"]["ids"] == ranked.ids
    assert ("validation", "nDCG@10", None) in scores


def test_a_saved_model_is_a_feedback_method(task, tmp_path):
    model = task.new_model(0)
    task.save(model, tmp_path / "saved", None)
    trained = TrainedFeedback.load(tmp_path / "saved")
    expected = task.trained(model).vectors(["my door"], [["so slow"]])
    np.testing.assert_allclose(trained.vectors(["my door"], [["so slow"]]), expected, atol=1e-6)
    assert trained.retriever["model"] == task.data.index.model


@pytest.mark.parametrize("kind", ["supervised", "no_dropout", "lol", "my_module:Mine"])
def test_objectives_that_apply(kind, task):
    assert task.check_run(kind, Submodels()) is None  # no refusal


def test_what_does_not_apply_is_refused(task):
    with pytest.raises(UserError, match=r"comparative\+scl does not apply to --task prf; choose from supervised"):
        task.check_run("comparative+scl", Submodels())
    with pytest.raises(UserError, match="--dropout_power does not apply"):
        task.check_run("lol", Submodels((0, 1)))


@pytest.mark.parametrize(("length", "scale"), [(1.0, 20.0), (1.005, 20.0), (3.0, 1.0)])
def test_the_scale_of_scores_follows_from_the_length_of_vectors(task, length, scale):
    """An index of another tool does not say whether its encoder normalises."""
    data = task.data
    vectors = (data.index.vectors.astype(np.float32) * length).astype(np.float16)
    other = replace(data, index=replace(data.index, vectors=vectors, settings={}))
    assert PrfTask(other, task.feedback, model=data.index.model).scale == scale


@pytest.mark.parametrize(("given", "expected"), [({"model"}, DEFAULT_MODEL), (set(), None)])
def test_the_default_model_counts_if_it_is_given(given, expected, monkeypatch):
    """An index of another tool may be of the default model; without --model an index of this package names its own."""
    options = Options({section: section() for section in (PrfConfig, FeedbackConfig, ModelConfig)})
    options.given = frozenset(given)
    monkeypatch.setattr("cmploss.tasks.prf.prf_task.make_task", lambda config, feedback, model: model)
    assert load_task(options) == expected


def test_queries_with_fewer_results_than_passages_are_noted(task):
    assert task.notes == ()
    few = PrfTask(task.data, replace(task.feedback, max_feedback=7))
    told = "queries have fewer than 7 results (--max_feedback); scores with more passages are those with all of them"
    assert few.notes == tuple(f"{split}: {count} {told}" for split, count in few.sizes.items())
