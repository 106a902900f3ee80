"""Steps by rows of the word embedding: the weights, moments and norms of dense gradients, and only where they apply."""

import copy

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM, Trainer, TrainerCallback

from cmploss import CmpDrop, Comparative, ObjectiveTrainer, Supervised
from cmploss.training import rows
from cmploss.training.rows import RowSteps, row_embedding
from tests.tiny import VOCABULARY, model_of
from tests.training.helpers import arguments, examples_of

FEW = 10  # words of the texts, with padding, which has no gradient; more than a sixth of all would be updated at once


def few_words():
    return [example | {"input_ids": example["input_ids"] % FEW} for example in examples_of()]


class Watch(TrainerCallback):
    """The largest number of rows that a step updates, and whether all gradients were dense."""

    def __init__(self, monkeypatch):
        self.rows, self.sparse = [], []
        scatter = RowSteps._scatter

        def counted(steps, *args):
            self.rows += [len(read) for *_, read in steps._parts]
            scatter(steps, *args)

        monkeypatch.setattr(rows.RowSteps, "_scatter", counted)

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        self.sparse.append(model.get_input_embeddings().weight.grad.is_sparse)


def trained(kind, folder, *, model=None, data=None, callbacks=(), **options):
    options = {"learning_rate": 1e-3, "max_steps": 6, "max_grad_norm": 0.1, **options}
    model = model or model_of(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    objective = {} if kind is Trainer else {"objective": Supervised()}
    trainer = kind(
        model=model,
        args=arguments(folder, train_sampling_strategy="sequential", **options),
        train_dataset=data or few_words(),
        callbacks=list(callbacks),
        **objective,
    )
    trainer.train()
    return trainer


def weights(trainer):
    return torch.nn.utils.parameters_to_vector(trainer.model.parameters()).detach()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.3, "gradient_accumulation_steps": 2},
        {"optim": "adamw_torch", "max_grad_norm": 0.0},
        {"activation_checkpointing": True},
    ],
)
def test_final_weights_are_those_of_plain_training(tmp_path, options, monkeypatch):
    watch = Watch(monkeypatch)
    found = trained(ObjectiveTrainer, tmp_path, callbacks=[watch], **options)
    assert watch.sparse == [True] * 6
    assert watch.rows == [FEW - 1] * 6
    monkeypatch.setattr("cmploss.training.trainer.row_embedding", lambda model: None)
    plain = Trainer if "gradient_accumulation_steps" not in options else ObjectiveTrainer  # Trainer would not average
    expected = trained(plain, tmp_path, **options)
    assert (weights(found) - weights(expected)).abs().max() <= 1e-6
    assert (weights(expected) - torch.nn.utils.parameters_to_vector(model_of().parameters())).norm() > 1e-2
    norms = [[each["grad_norm"] for each in t.state.log_history if "loss" in each] for t in (found, expected)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)
    assert not found.model.get_input_embeddings().sparse


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_rows_move_on_after_their_last_gradient_as_with_dense_gradients(decay):
    read = [[1, 2, 2], [2, 3], [5], [1], [1, 7], [*range(20, 32)]]  # the last step updates all rows
    tables, optimizers = [], []
    for sparse in (True, False):
        torch.manual_seed(0)
        tables.append(nn.Embedding(60, 16, sparse=sparse))
        optimizers.append(torch.optim.AdamW(tables[-1].parameters(), lr=0.1, weight_decay=decay, fused=True))
    RowSteps(optimizers[0])
    for number, places in enumerate(read):
        for table, optimizer in list(zip(tables, optimizers, strict=True))[number == 2 :]:
            optimizer.zero_grad()
            table(torch.tensor(places)).pow(3).sum().backward()
            optimizer.step()
        if number == 2:  # the sparse optimizer continues from the state of the other, which has seen row 5
            optimizers[0].load_state_dict(copy.deepcopy(optimizers[1].state_dict()))
            tables[0].load_state_dict(tables[1].state_dict())
        states = [optimizer.state_dict()["state"][0] for optimizer in optimizers]
        assert states[0].keys() == states[1].keys()
        for name, value in states[1].items():
            torch.testing.assert_close(states[0][name], value, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(tables[0].weight, tables[1].weight, rtol=1e-6, atol=1e-8)


def test_a_step_with_a_dense_gradient_between_others():
    tables = [nn.Embedding(60, 16, sparse=sparse) for sparse in (True, False)]
    tables[1].load_state_dict(tables[0].state_dict())
    for table in tables:
        optimizer = torch.optim.AdamW(table.parameters(), lr=0.1)
        RowSteps(optimizer)
        for places in ([1, 2], None, [3]):
            optimizer.zero_grad()
            (table.weight if places is None else table(torch.tensor(places))).pow(3).sum().backward()
            optimizer.step()
    torch.testing.assert_close(tables[0].weight, tables[1].weight, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, engine, monkeypatch):
    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            control.should_training_stop = state.global_step >= 3

    def run(folder, *callbacks, resume=None):
        args = arguments(tmp_path / folder, max_steps=8, save_strategy="steps", save_steps=3, learning_rate=1e-3)
        objective = Comparative(CmpDrop(1), engine=engine)
        trainer = ObjectiveTrainer(
            model=model_of(), args=args, train_dataset=few_words(), objective=objective, callbacks=list(callbacks)
        )
        trainer.train(resume_from_checkpoint=resume)
        return weights(trainer)

    watch = Watch(monkeypatch)
    whole = run("whole", watch)
    assert watch.rows == [FEW - 1] * 8
    run("parts", Stop())
    assert torch.equal(run("parts", resume=True), whole)


def tied():
    return BertForMaskedLM(BertConfig(**model_of().config.to_dict() | {"tie_word_embeddings": True}))


def frozen():
    model = model_of()
    model.get_input_embeddings().requires_grad_(False)
    return model


def subclassed():
    class Own(nn.Embedding):
        pass

    model = model_of()
    model.set_input_embeddings(Own(VOCABULARY, 16))
    return model


@pytest.mark.parametrize("make", [tied, frozen, subclassed, lambda: model_of().to("meta"), lambda: nn.Linear(2, 2)])
def test_embeddings_that_keep_dense_gradients(make):
    assert row_embedding(make()) is None


def test_an_embedding_whose_gradient_can_be_sparse():
    model = model_of()
    assert row_embedding(model) is model.get_input_embeddings()


@pytest.mark.parametrize("options", [{"optim": "sgd"}, {"optim": "adafactor"}])
def test_other_optimizers_get_dense_gradients(tmp_path, options, monkeypatch):
    watch = Watch(monkeypatch)
    trained(ObjectiveTrainer, tmp_path, callbacks=[watch], **options)
    assert watch.sparse == [False] * 6


def test_models_that_the_trainer_compiles_keep_dense_gradients(tmp_path):
    for compiled in (False, True):
        args = arguments(tmp_path, torch_compile=compiled)
        trainer = ObjectiveTrainer(model=model_of(), args=args, train_dataset=few_words(), objective=Supervised())
        assert trainer._steps_by_rows is not compiled


def test_a_given_optimizer_gets_dense_gradients(tmp_path, monkeypatch):
    watch, model = Watch(monkeypatch), model_of()
    optimizer = torch.optim.AdamW(model.parameters())
    trainer = ObjectiveTrainer(
        model=model,
        args=arguments(tmp_path),
        train_dataset=few_words(),
        objective=Supervised(),
        optimizers=(optimizer, None),
        callbacks=[watch],
    )
    trainer.train()
    assert watch.sparse == [False] * 4


def test_after_an_error_the_embedding_and_the_accelerator_are_as_before(tmp_path):
    class Fail(TrainerCallback):
        def on_pre_optimizer_step(self, *_, **__):
            raise KeyboardInterrupt

    model = model_of()
    trainer = ObjectiveTrainer(
        model=model,
        args=arguments(tmp_path),
        train_dataset=few_words(),
        objective=Supervised(),
        callbacks=[Fail()],
    )
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert not model.get_input_embeddings().sparse
    assert "clip_grad_norm_" not in vars(trainer.accelerator)
