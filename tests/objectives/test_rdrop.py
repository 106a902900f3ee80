"""R-Drop: what it computes, on which heads, and what it refuses."""

import pytest
import torch
from torch.nn import functional as F

from cmploss import CmpDrop, Comparative, RDrop, Supervised, nested_dropout
from cmploss.ablation import Variant
from cmploss.ablation.rng import draw_seed
from cmploss.objectives import task_loss_for
from tests.settings import build_objective
from tests.tiny import HEADS, batch_of, inputs_of, model_of


def two_draws(model, head, seed, **options):
    """The outputs under two independent draws of the model's dropout."""
    torch.manual_seed(seed)
    outputs = []
    for drawn in (draw_seed(), draw_seed()):
        with nested_dropout(model, 1, seed=drawn):
            outputs.append(model(**inputs_of(head, **options)))
    return outputs


def kl(p, q):
    return (p * (p.log() - q.log())).sum(-1)


def both_ways(a, b):
    p, q = a.softmax(-1), b.softmax(-1)
    return (kl(p, q) + kl(q, p)) / 2


def divergence_by_row(head, first, second, batch):
    """The divergence of every example, each computed by itself."""
    rows = []
    for row in range(len(batch["attention_mask"])):
        kept = batch["attention_mask"][row].bool()
        if head == "span":
            ends = [(first[name][row][kept], second[name][row][kept]) for name in ("start_logits", "end_logits")]
            rows.append(sum(both_ways(*end) for end in ends) / 2)
        elif head == "tokens":
            labelled = batch["labels"][row] != -100
            rows.append(both_ways(first.logits[row][labelled], second.logits[row][labelled]).mean())
        elif head in ("multi_label", "rerank"):
            pairs = zip(first.logits[row], second.logits[row], strict=True)
            each = [both_ways(*(torch.stack([x, x * 0]) for x in pair)) for pair in pairs]
            rows.append(sum(each) / len(each))
        elif head == "regression":
            rows.append((first.logits[row] - second.logits[row]).square().sum())
        else:
            rows.append(both_ways(first.logits[row], second.logits[row]))
    return torch.stack(rows)


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
@pytest.mark.parametrize("head", HEADS)
def test_rdrop_is_the_formula(head, engine):
    options = {} if head == "span" else {"classifier_dropout": 0.5}
    model, batch = model_of(head=head, hidden_dropout_prob=0.3, **options), batch_of(head)
    torch.manual_seed(5)
    outcome = RDrop(3.0, base=Supervised(p=None), engine=engine)
    base = RDrop(3.0, Power1(), engine)
    torch.manual_seed(5)
    found = base(model, batch)
    first, second = two_draws(model, head, seed=5)
    losses = task_loss_for(model, batch)
    task = (losses(first, batch).mean() + losses(second, batch).mean()) / 2
    divergence = divergence_by_row(head, first, second, batch).mean()
    assert divergence > 1e-6
    torch.testing.assert_close(found.loss, task + 3 * divergence)
    torch.testing.assert_close(found.logs["divergence"], divergence.detach())
    torch.testing.assert_close(found.logs["loss_task"], task.detach())
    assert [variant.name for variant in outcome.variants] == ["dropout", "dropout_draw1"]


class Power1(Supervised):
    """The model's own rates by way of ``nested_dropout``, whose masks a test can draw again."""

    @property
    def variants(self):
        return (Variant(1),)


def test_own_dropout_is_drawn_twice():
    model, batch = model_of(hidden_dropout_prob=0.5), batch_of()
    torch.manual_seed(0)
    first = RDrop()(model, batch)
    assert first.logs["divergence"] > 1e-5
    torch.manual_seed(0)
    again = RDrop()(model, batch)
    assert torch.equal(first.loss, again.loss)


def test_without_a_weight_rdrop_is_the_mean_of_two_passes():
    model, batch = model_of(hidden_dropout_prob=0.5), batch_of()
    torch.manual_seed(0)
    outcome = RDrop(0.0)(model, batch)
    assert torch.equal(outcome.loss, outcome.logs["loss_task"])
    torch.manual_seed(0)
    torch.testing.assert_close(
        RDrop(2.0)(model, batch).loss, outcome.loss + 2 * outcome.logs["divergence"], rtol=1e-5, atol=1e-6
    )


def test_added_to_the_comparative_loss_only_ablated_passes_are_drawn_again():
    """½ (cmp(full, drop1) + cmp(full, drop1′)) + α · D(drop1, drop1′)"""
    model, batch = model_of(hidden_dropout_prob=0.3), batch_of(size=8)
    objective = RDrop(2.0, Comparative(CmpDrop(1)))
    assert [variant.name for variant in objective.variants] == ["full", "drop1", "drop1_draw1"]
    torch.manual_seed(5)
    outcome = objective(model, batch)
    with nested_dropout(model, 0, seed=0):
        full = model(**inputs_of(size=8))
    first, second = two_draws(model, "single_label", seed=5, size=8)
    l0, l1, l2 = (F.cross_entropy(each.logits, batch["labels"], reduction="none") for each in (full, first, second))
    task = sum(((l0 + each + (l0 - each).clamp_min(0)) / 3).mean() for each in (l1, l2)) / 2
    torch.testing.assert_close(outcome.loss, task + 2 * both_ways(first.logits, second.logits).mean())
    torch.testing.assert_close(outcome.logs["loss_full"], l0.mean().detach())
    torch.testing.assert_close(outcome.logs["loss_drop1"], ((l1 + l2) / 2).mean().detach())


def test_masks_of_two_draws_do_not_nest():
    assert Variant(2).ablates(Variant(1))
    assert not Variant(2, mask_seed_index=1).ablates(Variant(1))
    assert Variant(1, mask_seed_index=1).ablates(Variant(0))
    assert not Variant(None, mask_seed_index=1).ablates(Variant(None))


@pytest.mark.parametrize("name", ["no_dropout+rdrop", "comparative+rdrop"])
def test_rdrop_needs_a_pass_with_dropout(name):
    with pytest.raises(ValueError, match=r"two draws of dropout, but .* has no pass with dropout"):
        build_objective(name, {"n_drop": 0})


def test_rdrop_refuses_a_model_without_dropout():
    model, batch = model_of("ModernBert"), batch_of()
    with pytest.raises(ValueError, match=r"every dropout rate of the model is 0; .* --dropout_p 0\.1"):
        RDrop()(model, batch)
    assert build_objective("rdrop", {"dropout_p": 0.2})(model, batch).logs["divergence"] > 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RDrop(-1.0), r"alpha=-1\.0 must not be negative"),
        (lambda: RDrop(engine="fast"), "engine='fast' is unknown"),
        (lambda: Supervised(dropout=False, p=0.1), r"p=0\.1 is a rate of dropout"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()
