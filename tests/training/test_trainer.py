"""ObjectiveTrainer against the plain loop, against transformers' Trainer, and through the Trainer's own features."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback

from cmploss import CmpDrop, CmpLayer, Comparative, LabelSmoothing, ObjectiveTrainer, Supervised
from cmploss.ablation.exit_heads import add_exit_heads
from cmploss.training import train_loop
from tests.covering import pairwise
from tests.settings import OF_EVERY_HEAD, SETTINGS, build_objective
from tests.tiny import batch_of, model_of
from tests.training.helpers import Gradients, arguments, examples_of


def first_gradient(
    folder, objective, head, *, batch_size, accumulate, size=32, trainer=ObjectiveTrainer, collate=None, **options
):
    model = model_of(head=head, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    gradients = Gradients()
    args = arguments(
        folder,
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulate,
        max_steps=1,
        max_grad_norm=0.0,
        train_sampling_strategy="sequential",
        **options,
    )
    objective = {} if objective is None else {"objective": objective}
    data = {"train_dataset": examples_of(head, size), "data_collator": collate}
    trainer(model=model, args=args, callbacks=[gradients], **data, **objective).train()
    return gradients.first


def without_randomness(name):
    """The same objective on a model whose masks drop next to nothing, so that batches of any shape agree."""
    return build_objective(name, {**SETTINGS[name].settings, "dropout_p": 1e-12})


# 30: the last micro-batch has 6 examples, each must weigh as much.
@pytest.mark.parametrize(
    ("name", "head", "size"),
    pairwise((name, head, size) for name, head in OF_EVERY_HEAD if SETTINGS[name].by_example for size in (32, 30)),
)
def test_accumulation_gives_the_gradient_of_one_big_batch(tmp_path, name, head, size):
    options = {"head": head, "size": size, "collate": SETTINGS[name].collate}
    one = first_gradient(tmp_path, without_randomness(name), batch_size=size, accumulate=1, **options)
    four = first_gradient(tmp_path, without_randomness(name), batch_size=8, accumulate=4, **options)
    assert (four.norm() / one.norm()).item() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(four, one, rtol=1e-3, atol=1e-5)


def test_without_our_settings_accumulation_would_be_wrong(tmp_path):
    """Negative control: the ratio that the test above guards against."""

    class Naive(Trainer):
        def __init__(self, *args, objective, **kwargs):
            super().__init__(*args, **kwargs)
            self.minimised = objective

        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            return self.minimised(model, inputs).loss

    options = {"objective": Supervised(dropout=False), "head": "single_label", "trainer": Naive}
    one = first_gradient(tmp_path, batch_size=32, accumulate=1, **options)
    four = first_gradient(tmp_path, batch_size=8, accumulate=4, **options)
    assert (four.norm() / one.norm()).item() == pytest.approx(4, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "precision"), [(name, {}) for name in SETTINGS] + [("comparative+scl", {"bf16": True})]
)
def test_equals_the_plain_loop(tmp_path, name, precision):
    objective = build_objective(name, SETTINGS[name].settings)
    trained = model_of()
    args = arguments(
        tmp_path, train_sampling_strategy="sequential", lr_scheduler_type="constant", optim="sgd", **precision
    )
    trainer = ObjectiveTrainer(
        model=trained,
        args=args,
        train_dataset=examples_of(),
        data_collator=SETTINGS[name].collate,
        objective=objective,
    )
    trainer.train()

    looped = model_of()
    before = torch.nn.utils.parameters_to_vector(looped.parameters()).detach().clone()
    optimizer = torch.optim.SGD(looped.parameters(), lr=1e-2)
    batches = DataLoader(examples_of(), batch_size=8, collate_fn=SETTINGS[name].collate)
    torch.manual_seed(0)  # Trainer seeds with args.seed before it trains
    with torch.autocast("cpu", torch.bfloat16, enabled=bool(precision)):
        steps = list(train_loop(looped, batches, objective, optimizer))

    found, expected = (torch.nn.utils.parameters_to_vector(model.parameters()) for model in (trained, looped))
    assert (expected - before).norm() > 1e-3
    tolerance = {"rtol": 1e-2, "atol": 1e-4} if precision else {"rtol": 1e-5, "atol": 1e-7}
    torch.testing.assert_close(found, expected, **tolerance)
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    for entry, step in zip(logged, steps, strict=True):
        assert {name: entry[name] for name in step} == pytest.approx(
            step, rel=1e-2 if precision else 1e-4, abs=1e-3 if precision else 1e-6
        )


def test_parts_are_means_over_the_logged_steps(tmp_path):
    entries = []
    for logging_steps in (1, 4):
        trainer = ObjectiveTrainer(
            model=model_of(),
            args=arguments(tmp_path, logging_steps=logging_steps),
            train_dataset=examples_of(),
            objective=Comparative(CmpDrop(1)),
        )
        trainer.train()
        entries.append([entry for entry in trainer.state.log_history if "loss_full" in entry])
    each, together = entries
    assert len(each) == 4
    assert len(together) == 1
    for name in ("loss", "loss_full", "loss_drop1", "penalty", "violation_rate"):
        assert together[0][name] == pytest.approx(np.mean([entry[name] for entry in each]), rel=1e-4)


@pytest.mark.parametrize("of", [lambda base: base, lambda base: LabelSmoothing(base=base)], ids=("alone", "sum"))
def test_own_heads_are_added_before_training(tmp_path, of):
    options = {"args": arguments(tmp_path, max_steps=1), "train_dataset": examples_of(size=8)}
    objective, model = of(Comparative(CmpLayer((1,), heads="own"))), model_of()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for train in (
        lambda: ObjectiveTrainer(model=model, objective=objective, **options).train(),
        lambda: next(train_loop(model, [batch_of("single_label")], objective, optimizer)),
    ):
        with pytest.raises(ValueError, match=r"head for depth 1: call .*add_exit_heads\(model, \(1,\)\) before"):
            train()
    add_exit_heads(model, (1,))
    before = model.exit_heads["1"]["classifier"].weight.clone()
    ObjectiveTrainer(model=model, objective=objective, **options).train()
    assert not torch.equal(model.exit_heads["1"]["classifier"].weight, before)
    assert not torch.equal(model.exit_heads["1"]["classifier"].weight, model.classifier.weight)


def test_evaluation_runs_one_pass_and_reports_the_plain_task_loss(tmp_path):
    model, rows = model_of(), examples_of(size=8)
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    trainer = ObjectiveTrainer(
        model=model,
        args=arguments(tmp_path, per_device_eval_batch_size=8, label_smoothing_factor=0.3),
        eval_dataset=rows,
        objective=Comparative(CmpDrop(3), target="best"),
        compute_metrics=lambda prediction: {
            "accuracy": (prediction.predictions.argmax(-1) == prediction.label_ids).mean()
        },
    )
    metrics = trainer.evaluate()
    assert len(calls) == 1
    outputs = model.eval()(**batch_of(size=8))
    assert metrics["eval_loss"] == pytest.approx(outputs.loss.item(), rel=1e-6)
    assert metrics["eval_accuracy"] == (outputs.logits.argmax(-1) == batch_of(size=8)["labels"]).float().mean().item()


def test_label_smoothing_is_honoured_in_training(tmp_path):
    model = model_of(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    args = arguments(tmp_path, label_smoothing_factor=0.3, max_steps=1, train_sampling_strategy="sequential")
    trainer = ObjectiveTrainer(model=model, args=args, train_dataset=examples_of(size=8), objective=Supervised())
    batch = batch_of(size=8)
    expected = F.cross_entropy(model(**batch).logits, batch["labels"], label_smoothing=0.3).item()
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(expected, rel=1e-4)


def test_class_weights_are_honoured_in_training(tmp_path):
    model = model_of(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    weights = torch.tensor([1.0, 5.0, 0.5])
    trainer = ObjectiveTrainer(
        model=model,
        args=arguments(tmp_path, max_steps=1, train_sampling_strategy="sequential"),
        train_dataset=examples_of(size=8),
        objective=Supervised(),
        class_weights=weights,
    )
    batch = batch_of(size=8)
    expected = F.cross_entropy(model(**batch).logits, batch["labels"], weight=weights, reduction="sum").item() / 8
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(expected, rel=1e-4)


def test_resuming_gives_the_same_model(tmp_path):
    def trainer(steps, folder):
        args = arguments(tmp_path / folder, max_steps=8, save_strategy="steps", save_steps=3, save_total_limit=1)
        callbacks = [StopAt(steps)] if steps else []
        return ObjectiveTrainer(
            model=model_of(),
            args=args,
            train_dataset=examples_of(),
            objective=Comparative(CmpDrop(1)),
            callbacks=callbacks,
        )

    class StopAt(TrainerCallback):
        def __init__(self, step):
            self.step = step

        def on_step_end(self, args, state, control, **_):
            control.should_training_stop = state.global_step >= self.step

    whole = trainer(None, "whole")
    whole.train()
    trainer(3, "parts").train()
    resumed = trainer(None, "parts")
    resumed.train(resume_from_checkpoint=True)
    vectors = [torch.nn.utils.parameters_to_vector(t.model.parameters()) for t in (whole, resumed)]
    assert torch.equal(*vectors)


def test_early_stopping_and_best_model(tmp_path):
    measured = iter([0.2, 0.9, 0.5, 0.4, 0.3, 0.2, 0.9])
    args = arguments(
        tmp_path,
        max_steps=20,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
    )
    trainer = ObjectiveTrainer(
        model=model_of(),
        args=args,
        train_dataset=examples_of(),
        eval_dataset=examples_of(size=8),
        objective=Comparative(CmpDrop(1)),
        compute_metrics=lambda _: {"accuracy": next(measured)},
        callbacks=[EarlyStoppingCallback(2)],
    )
    trainer.train()
    assert trainer.state.global_step == 4
    assert trainer.state.best_model_checkpoint.endswith("checkpoint-2")
    saved = type(trainer.model).from_pretrained(trainer.state.best_model_checkpoint)
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, saved.state_dict()[name])


def test_gradient_checkpointing_through_the_trainer_changes_nothing(tmp_path):
    results = []
    for checkpointing in (False, True):
        model = model_of()
        args = arguments(tmp_path, activation_checkpointing=checkpointing)
        ObjectiveTrainer(model=model, args=args, train_dataset=examples_of(), objective=Comparative(CmpDrop(2))).train()
        results.append(torch.nn.utils.parameters_to_vector(model.parameters()))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-6)


def test_dropout_out_of_reach_is_found_at_the_first_step(tmp_path):
    model = model_of()
    dense = model.bert.pooler.dense
    plain = type(dense).forward
    dense.forward = lambda x: F.dropout(plain(dense, x), 0.5, dense.training)
    trainer = ObjectiveTrainer(
        model=model, args=arguments(tmp_path), train_dataset=examples_of(), objective=Comparative(CmpDrop(1))
    )
    with pytest.raises(RuntimeError, match="still random with every known dropout at rate 0"):
        trainer.train()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compute_loss_func": lambda *_: 0}, "compute_loss_func gets only one pass; give task_loss="),
        ({"task_loss": lambda *_: 0, "class_weights": torch.ones(3)}, "class_weights change the default task loss"),
    ],
)
def test_refusals(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        ObjectiveTrainer(model=model_of(), args=arguments(tmp_path), objective=Supervised(), **options)


def test_label_smoothing_with_a_given_task_loss_or_a_wrong_head_is_refused(tmp_path):
    args = arguments(tmp_path, label_smoothing_factor=0.1)
    with pytest.raises(ValueError, match="label_smoothing_factor and class_weights change the default task loss"):
        ObjectiveTrainer(model=model_of(), args=args, objective=Supervised(), task_loss=lambda *_: 0)
    trainer = ObjectiveTrainer(
        model=model_of(head="regression"), args=args, train_dataset=examples_of("regression"), objective=Supervised()
    )
    with pytest.raises(ValueError, match="label_smoothing does not apply to a model for regression"):
        trainer.train()


def test_a_model_may_be_scored_between_the_steps_of_the_plain_loop():
    model, modes = model_of(), []
    model.bert.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in train_loop(model, [batch_of("single_label")] * 3, Supervised(), optimizer):
        model.eval()
    assert modes == [True] * 3


def test_no_norm_of_the_gradient_clips_nothing_and_a_step_has_a_batch():
    model = model_of()
    optimizer, before = torch.optim.SGD(model.parameters(), lr=0.1), model.classifier.weight.clone()
    list(train_loop(model, [batch_of("single_label")], Supervised(), optimizer, max_grad_norm=0))
    assert not torch.equal(model.classifier.weight, before)
    with pytest.raises(ValueError, match="accumulate=0 must be at least 1"):
        next(train_loop(model, [batch_of("single_label")], Supervised(), optimizer, accumulate=0))


@pytest.mark.parametrize("wrong", ["comparative", Comparative])
def test_an_objective_is_an_object(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"objective must be an object, as in Comparative\(CmpDrop\(1\)\), got "):
        ObjectiveTrainer(model=model_of(), args=arguments(tmp_path), objective=wrong)


class Plain(torch.nn.Module):
    """A model that does not take labels, whose outputs have no names."""

    def __init__(self, form):
        super().__init__()
        self.embedding, self.form = torch.nn.EmbeddingBag(64, 3), form

    def forward(self, input_ids, attention_mask=None):
        return self.form(self.embedding(input_ids))


FORMS = {
    "tensor": lambda logits: logits,
    "tuple": lambda logits: (logits,),
    "mapping": lambda logits: {"logits": logits},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_dataset_keeps_labels_and_flags_that_the_model_does_not_take(tmp_path, form):
    """Of 8 examples 3 are invalid, as 0 and 1; every one is predicted."""
    rows = [{name: each.tolist() for name, each in row.items()} for row in examples_of(size=8)]
    data = Dataset.from_list([{**row, "valid": number % 3 and 1} for number, row in enumerate(rows)])
    read = {"tensor": lambda found: found, "tuple": lambda found: found[0], "mapping": lambda found: found["logits"]}
    trainer = ObjectiveTrainer(
        model=Plain(FORMS[form]),
        args=arguments(tmp_path, max_steps=1),
        train_dataset=data,
        objective=Supervised(),
        task_loss=lambda outputs, labels: F.cross_entropy(read[form](outputs), labels["labels"], reduction="none"),
    )
    trainer.train()
    assert trainer.state.log_history[0]["ignored_fraction"] == pytest.approx(3 / 8)
    found = trainer.predict(data)
    assert (found.predictions.shape, found.label_ids.shape) == ((8, 3), (8,))
    logits = trainer.model.embedding(torch.tensor(data["input_ids"])).detach()
    np.testing.assert_allclose(found.predictions, logits, atol=1e-6)
