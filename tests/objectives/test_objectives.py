"""Objectives: the passes they run, the scalar they return, what they log, and that they leave no trace."""

import pytest
import torch
from torch.nn import functional as F
from transformers import BartConfig, BartForConditionalGeneration, T5Config, T5ForConditionalGeneration

from cmploss import (
    CmpDrop,
    CmpLayer,
    Comparative,
    Distill,
    EqualCompute,
    LabelSmoothing,
    LoL,
    RDrop,
    SelfDistill,
    Supervised,
    SupervisedContrastive,
    Weighted,
    comparative_loss,
    nested_dropout,
)
from cmploss.ablation import Variant
from cmploss.ablation.dropout import own_dropout
from cmploss.ablation.rng import draw_seed
from cmploss.cpu import RandomBits
from cmploss.engine.passes import passes_of
from cmploss.objectives import OBJECTIVES, REGULARIZERS, Raft
from tests.settings import OF_EVERY_HEAD, SETTINGS, build_objective
from tests.tiny import batch_of, inputs_of, model_of, span_losses_by_row


def test_every_objective_has_a_row():
    assert {name.partition("(")[0] for name in SETTINGS if "+" not in name} == OBJECTIVES.keys()
    assert {term for name in SETTINGS for term in name.split("+")[1:]} == set(REGULARIZERS)


@pytest.mark.parametrize(("name", "head"), OF_EVERY_HEAD)
def test_passes_logs_and_state(name, head):
    row = SETTINGS[name]
    model, batch = model_of(head=head), row.batch(batch_of(head))
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    rates = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    outcome = build_objective(name, row.settings)(model, batch)
    assert len(calls) == row.passes
    outcome.loss.backward()
    assert tuple(outcome.logs) == row.logs
    assert all(part.ndim == 0 and not part.requires_grad for part in outcome.logs.values())
    assert outcome.loss.ndim == 0
    assert rates == [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    assert set(batch) == set(row.batch(batch_of(head)))  # the batch is not consumed
    trained = [p for p in model.parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert len(trained) > 10


def losses_by_hand(model, batch, seed, powers):
    losses = []
    for power in powers:
        with nested_dropout(model, power, seed=seed):
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        losses.append(F.cross_entropy(logits, batch["labels"], reduction="none"))
    return torch.stack(losses, -1)


def test_comparative_is_the_pure_loss_of_passes_with_one_seed():
    model, batch = model_of(hidden_dropout_prob=0.5), batch_of(size=16)
    torch.manual_seed(11)
    outcome = Comparative(CmpDrop(2), target="best", temperature=0.5)(model, batch)
    torch.manual_seed(11)
    losses = losses_by_hand(model, batch, draw_seed(), (0, 1, 2))
    torch.testing.assert_close(outcome.loss, comparative_loss(losses, target="best", temperature=0.5))
    for index, name in enumerate(("loss_full", "loss_drop1", "loss_drop2")):
        torch.testing.assert_close(outcome.logs[name], losses[:, index].mean())
    beats = sum(min(row[1:]) < row[0] for row in losses.tolist()) / 16
    assert 0 < beats < 1
    assert outcome.logs["violation_rate"].item() == pytest.approx(beats)
    pairs = [max(0.0, row[i] - row[j]) for row in losses.tolist() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert outcome.logs["penalty"].item() == pytest.approx(sum(pairs) / len(pairs), rel=1e-5)


def test_equal_compute_is_the_mean_of_the_same_passes():
    model, batch = model_of(), batch_of()
    torch.manual_seed(11)
    outcome = EqualCompute(CmpDrop(1))(model, batch)
    torch.manual_seed(11)
    torch.testing.assert_close(outcome.loss, losses_by_hand(model, batch, draw_seed(), (0, 1)).mean())


@pytest.mark.parametrize(
    ("primary", "of_example"),
    [
        ("max", max),
        ("mean", lambda row: sum(row) / 3),
        ("full", lambda row: row[0]),
        ("most_ablated", lambda row: row[2]),
    ],
)
def test_weighted_is_a_primary_loss_and_a_penalty_of_the_same_passes(primary, of_example):
    model, batch = model_of(hidden_dropout_prob=0.5), batch_of(size=8)
    torch.manual_seed(11)
    outcome = Weighted(CmpDrop(2), primary=primary, ranking_weight=0.5)(model, batch)
    torch.manual_seed(11)
    rows = losses_by_hand(model, batch, draw_seed(), (0, 1, 2)).tolist()
    pairs = [max(0.0, row[i] - row[j]) for row in rows for i, j in ((0, 1), (0, 2), (1, 2))]
    expected = sum(map(of_example, rows)) / 8 + 0.5 * sum(pairs) / len(pairs)
    assert sum(pairs) > 0
    assert outcome.loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_primary_loss_of_a_span_is_that_of_start_and_end_together():
    """The larger mean of start and end is that of the submodel, although the larger start is the full model's."""
    losses = torch.tensor([[[3.0, 1.0], [0.0, 4.0]]])  # (batch, start and end, variants): means 1.5 and 2.5
    assert Weighted(CmpDrop(1)).combine(losses).item() == 2.5
    assert Weighted(CmpDrop(1), ranking_weight=1.0).combine(losses).item() == 2.5 + (2.0 + 0.0) / 2


def test_supervised_is_the_models_own_loss_bit_for_bit():
    model, batch = model_of(), batch_of()
    torch.manual_seed(5)
    with own_dropout(model, bits=RandomBits(draw_seed())):
        own = model(**batch).loss
    torch.manual_seed(5)
    assert torch.equal(Supervised()(model, batch).loss, own)
    torch.manual_seed(6)
    assert not torch.equal(Supervised()(model, batch).loss, own)  # its dropout was on


def test_no_dropout_is_the_loss_in_eval_mode():
    model, batch = model_of(), batch_of()
    own = model.eval()(**batch).loss
    assert torch.equal(Supervised(dropout=False)(model.train(), batch).loss, own)


def test_cmp_drop_zero_trains_on_the_full_pass_alone():
    model, batch = model_of(), batch_of()
    assert torch.equal(Comparative(CmpDrop(0))(model, batch).loss, Supervised(dropout=False)(model, batch).loss)


def test_span_losses_are_compared_separately():
    model, batch = model_of(head="span", hidden_dropout_prob=0.5), batch_of("span", size=8)
    torch.manual_seed(3)
    outcome = Comparative(CmpDrop(1))(model, batch)
    torch.manual_seed(3)
    seed, columns = draw_seed(), []
    for power in (0, 1):
        with nested_dropout(model, power, seed=seed):
            outputs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        columns.append(span_losses_by_row(outputs, batch))
    start, end = map(comparative_loss, torch.stack(columns, -1))
    torch.testing.assert_close(outcome.loss, (start + end) / 2)


def test_each_step_draws_new_masks_and_a_seed_repeats_them():
    model, inputs = model_of(), inputs_of()
    plan = (Variant(), Variant(1))

    def ablated():
        return passes_of(model, [inputs], plan)[1]()[0].logits

    torch.manual_seed(0)
    first, second = ablated(), ablated()
    torch.manual_seed(0)
    assert torch.equal(ablated(), first)
    assert torch.equal(ablated(), second)
    assert not torch.equal(first, second)


def test_ranks_draw_different_seeds(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    for rank in (0, 1, 2):
        torch.manual_seed(0)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        seeds.append(draw_seed())
    assert len(set(seeds)) == 3


def test_a_task_loss_of_the_user_is_compared():
    model, batch = model_of(), batch_of()

    def squared_error(outputs, labels):
        return (outputs.logits.softmax(-1) - F.one_hot(labels["labels"], 3)).square().sum(-1)

    outcome = Comparative(CmpDrop(0))(model, batch, squared_error)
    logits = model.eval()(**inputs_of()).logits
    assert outcome.loss.item() == pytest.approx(squared_error(type("", (), {"logits": logits}), batch).mean().item())


SEQUENCES = {"vocab_size": 64, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
BART = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}
BART |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 40, "init_std": 0.5}


@pytest.mark.parametrize(
    "make",
    [
        lambda: BartForConditionalGeneration(BartConfig(**SEQUENCES, **BART)),
        lambda: T5ForConditionalGeneration(
            T5Config(**SEQUENCES, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2)
        ),
    ],
    ids=["bart", "t5"],
)
def test_a_sequence_to_sequence_model_reads_its_labels(make):
    torch.manual_seed(0)
    model, generator = make(), torch.Generator().manual_seed(1)
    sources, targets = (torch.randint(4, 64, (2, 6), generator=generator) for _ in range(2))
    batch = {"input_ids": sources, "attention_mask": torch.ones_like(sources), "labels": targets}

    def task_loss(outputs, labels):
        return F.cross_entropy(outputs.logits.transpose(1, 2), labels["labels"], reduction="none").mean(-1)

    expected = model.eval()(**batch).loss.item()
    found = Supervised(dropout=False)(model.train(), batch, task_loss).loss.item()
    assert found == pytest.approx(expected, abs=1e-6)
    given = model.prepare_decoder_input_ids_from_labels(labels=targets.flip(0))  # what a batch has is read
    other = Supervised(dropout=False)(model, batch | {"decoder_input_ids": given}, task_loss).loss.item()
    assert abs(other - expected) > 1e-3


CLASSES_IN_REPR = (
    *(CmpDrop, CmpLayer, Comparative, Distill, EqualCompute, LoL, LabelSmoothing, Raft, RDrop, SelfDistill),
    *(Supervised, Weighted),
    SupervisedContrastive,
)
EVERY_NAME = {each.__name__: each for each in CLASSES_IN_REPR}


@pytest.mark.parametrize("name", SETTINGS)
def test_objectives_say_whether_examples_are_compared(name):
    assert build_objective(name, SETTINGS[name].settings).by_example is SETTINGS[name].by_example


@pytest.mark.parametrize("name", SETTINGS)
def test_repr_builds_the_objective_again(name):
    objective = build_objective(name, SETTINGS[name].settings)
    assert eval(repr(objective), EVERY_NAME) == objective


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Comparative(CmpDrop(1), target="ideal"), "target='ideal' is unknown; allowed: ultra, first, best"),
        (lambda: Comparative(CmpDrop(1), ranking="max"), "ranking='max' is unknown; allowed: hinge, listmle"),
        (
            lambda: Weighted(CmpDrop(1), primary="min"),
            "primary='min' is unknown; allowed: max, mean, full, most_ablated",
        ),
        (lambda: Weighted(CmpDrop(1), ranking_weight=-1.0), "ranking_weight=-1.0 must not be negative"),
        (lambda: Comparative(CmpDrop(1), temperature=0), "temperature=0 must be positive"),
        (lambda: Comparative(CmpDrop(1), engine="fast"), "engine='fast' is unknown; allowed: auto"),
        (lambda: Comparative(), "give CmpDrop, CmpCrop, CmpLayer or one of each, .* got nothing"),
        (lambda: LoL(-0.5), r"weight=-0\.5 must not be negative"),
        (lambda: LoL(revisions=0), "revisions=0 must be at least 1"),
        (lambda: LoL(engine="fast"), "engine='fast' is unknown"),
        (lambda: CmpDrop(-1), "n_drop=-1 must not be negative"),
        (lambda: CmpDrop(1, p=1.5), r"p=1\.5 must lie in \[0, 1\)"),
        (lambda: build_objective("cmploss"), "objective 'cmploss' is unknown; choose from supervised, no_dropout"),
        (lambda: build_objective("comparative", {"n_drop": -2}), "n_drop=-2 must not be negative"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()
